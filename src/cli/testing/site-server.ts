import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { crds } from "#api/registry.ts";
import { ADMIN, JOE, type TestServer, testServer } from "#sandbox/apiserver/testing.ts";
import { runCli } from "../main.ts";
import { MemoryIo } from "./memory-io.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** An API server with a site "east" in some namespaces, and the CLI in front of it. */
export interface SiteServer extends AsyncDisposable {
  readonly server: TestServer;
  /** Runs one command line; contexts are `admin` (current) and `joe`, who may nothing; namespace `shop`. */
  run(line: string): Promise<Ran>;
}

export async function siteServer(namespaces: readonly string[] = ["shop"]): Promise<SiteServer> {
  const server = await testServer();
  for (const crd of crds()) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    await server.json("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd);
  }
  for (const name of namespaces) {
    const site = { metadata: { name: "east" }, spec: {} };
    // oxlint-disable-next-line no-await-in-loop
    await server.json("POST", "/api/v1/namespaces", { metadata: { name } });
    // oxlint-disable-next-line no-await-in-loop
    await server.json("POST", `/apis/isthmus.dev/v1alpha1/namespaces/${name}/sites`, site);
  }
  const config = join(server.dir, "kubeconfig");
  const cluster = { server: server.url, "certificate-authority": join(server.dir, "ca.crt") };
  const text = JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "admin",
    clusters: [{ name: "t", cluster }],
    users: [
      { name: "admin", user: { token: ADMIN } },
      { name: "joe", user: { token: JOE } },
    ],
    contexts: ["admin", "joe"].map(contextOf),
  });
  writeFileSync(config, text, { mode: 0o600 });
  return {
    server,
    async run(line) {
      const io = new MemoryIo({ env: { KUBECONFIG: config } });
      const code = await runCli(line.split(" "), io);
      return { code, out: io.stdout, err: io.stderr };
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function contextOf(user: string): object {
  return { name: user, context: { cluster: "t", user, namespace: "shop" } };
}
