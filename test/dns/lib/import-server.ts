import { crds } from "#api/registry.ts";
import { ADMIN, testServer, type TestServer } from "#sandbox/apiserver/testing.ts";
import { TcpProxy } from "../../lib/tcp-proxy.ts";
import { Config } from "./dns-command.ts";

const PATH = "/apis/multicluster.x-k8s.io/v1beta1/namespaces";

/** An API server with the namespaces `shop` and `other`, behind a proxy that can take it away; `config` leads there. */
export class ImportServer implements AsyncDisposable {
  readonly proxy: TcpProxy;
  readonly config: Config;
  readonly #server: TestServer;

  static async start(): Promise<ImportServer> {
    const server = await testServer();
    for (const crd of crds())
      // oxlint-disable-next-line no-await-in-loop -- in order
      await server.json("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd);
    for (const name of ["shop", "other"])
      // oxlint-disable-next-line no-await-in-loop
      await server.json("POST", "/api/v1/namespaces", { metadata: { name } });
    return new ImportServer(server);
  }

  private constructor(server: TestServer) {
    this.#server = server;
    this.proxy = new TcpProxy("127.0.0.1", { hostname: "127.0.0.1", port: server.server.port });
    const { hostname, port } = this.proxy.address;
    this.config = new Config({ url: `https://${hostname}:${port}`, ca: server.ca, token: ADMIN });
  }

  async importService(namespace: string, name: string, spec: object): Promise<void> {
    const object = { metadata: { name }, spec };
    const made = await this.#server.json("POST", `${PATH}/${namespace}/serviceimports`, object);
    if (made.kind !== "ServiceImport") throw new Error(JSON.stringify(made));
  }

  /** Of a service in `shop`. */
  async setIps(name: string, ips: readonly string[]): Promise<void> {
    const path = `${PATH}/shop/serviceimports/${name}`;
    await this.#server.json("PATCH", path, { spec: { ips } }, "application/merge-patch+json");
  }

  /** Of a service in `shop`. */
  async deleteImport(name: string): Promise<void> {
    await this.#server.json("DELETE", `${PATH}/shop/serviceimports/${name}`);
  }

  /** Endpoints of one cluster of a headless service in `shop`, as the site controller writes them. */
  async addSlice(
    of: string,
    { cluster, addresses }: { cluster: string; addresses: readonly string[] },
  ): Promise<void> {
    const made = await this.#server.json("POST", "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices", {
      metadata: {
        name: `${of}-${cluster}-${addresses[0]}`,
        labels: {
          "endpointslice.kubernetes.io/managed-by": "isthmus.dev",
          "multicluster.kubernetes.io/service-name": of,
          "multicluster.kubernetes.io/source-cluster": cluster,
        },
      },
      addressType: "IPv4",
      ports: [{ name: "http", port: 8080, protocol: "TCP" }],
      endpoints: addresses.map((address) => ({
        addresses: [address],
        hostname: `pod-${address.replaceAll(".", "-")}`,
        conditions: { ready: true },
      })),
    });
    if (made.kind !== "EndpointSlice") throw new Error(JSON.stringify(made));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.config[Symbol.dispose]();
    this.proxy[Symbol.dispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}
