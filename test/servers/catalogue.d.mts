export declare const catalogue: {
  readonly 'grpc-go-interop': { readonly version: string; install(directory: string): void };
};
export declare function directoryOf(name: keyof typeof catalogue): string;
