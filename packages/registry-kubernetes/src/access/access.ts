/** The address and credentials for one connection to the API server. Only `server`, `namespace` and `source` may be logged. */
export interface Login {
  readonly server: URL;
  /** The namespace for targets that name none. */
  readonly namespace: string;
  /** Where the credentials came from, for error messages. */
  readonly source: string;
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** The name that the server's certificate is checked against, where it is not the host's. */
  readonly servername?: string;
  /** Set by a kubeconfig that says insecure-skip-tls-verify. */
  readonly insecure?: boolean;
  /** The value of the authorization header. */
  readonly authorization?: string;
}

/** The cluster's address and this client's credentials; read before each request, because tokens and certificates rotate. */
export interface Access {
  /** Throws an `Error` that says what is missing. */
  login(): Promise<Login>;
  /** The API server refused this login with 401: drops its cached credentials. True when the next login may differ. */
  refused(login: Login): boolean;
}
