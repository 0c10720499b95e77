declare module 'hpack.js' {
  interface Field {
    readonly name: string;
    readonly value: string;
  }
  interface Codec {
    write(data: unknown): void;
    execute(): void;
    read(): unknown;
  }
  export const decompressor: { create(options: { table: { size: number } }): Codec };
  export const compressor: { create(options: { table: { size: number } }): Codec };
  export type { Field };
}
