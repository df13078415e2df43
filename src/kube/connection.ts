/** TLS material in PEM. Absent `ca` = the roots of the system. */
interface ConnectionTls {
  readonly ca?: string;
  /** Client certificate and its key; both or none. */
  readonly cert?: string;
  readonly key?: string;
  /** Name that the server's certificate must carry instead of the host of the URL. */
  readonly serverName?: string;
  /** The user's own `insecure-skip-tls-verify: true`: the server is not verified at all. */
  readonly insecure?: true;
}

/**
 * How to reach one cluster, and as whom. Everything that a client needs and nothing shared with other clusters: two
 * connections never mix credentials.
 */
export interface Connection {
  /** For messages: `context "sandbox-c1"` or `the service account of this pod`. */
  readonly origin: string;
  /** Name of the kubeconfig context; absent in a pod. */
  readonly context?: string;
  /** `https://host:port[/prefix]`, no slash at the end. */
  readonly server: string;
  /** Namespace of commands that name none. */
  readonly namespace: string;
  readonly tls: ConnectionTls;
  /** `http://` or `https://` proxy of this cluster alone; absent = HTTPS_PROXY and NO_PROXY of the environment. */
  readonly proxyUrl?: string;
  /** Value of the Authorization header, asked for before each request, because tokens rotate. */
  readonly authorization?: () => string | undefined;
}
