declare module 'hpack.js' {
  interface Field {
    readonly name: string;
    readonly value: string;
    readonly neverIndex?: boolean;
  }
  interface Codec {
    write(data: unknown): void;
    execute(): void;
    read(): unknown;
  }
  export const decompressor: { create(options: { table: { maxSize: number } }): Codec };
  export const compressor: { create(options: { table: { maxSize: number } }): Codec };
  export type { Field };
}
