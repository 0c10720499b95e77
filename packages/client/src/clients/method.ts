/** One method of a generated client, as far as its calls need it. */
export interface ClientMethod<Request, Response> {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly serialize: (value: Request) => Buffer;
  readonly deserialize: (bytes: Buffer) => Response;
}
