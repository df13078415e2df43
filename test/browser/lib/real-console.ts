import type { Pod, Service } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { ask, type Shares } from "../../lib/asking.ts";
import { eventually, LinkedClusters } from "../../lib/linked-clusters.ts";

export const SERVICE = "default/app";
const PODS = 2;

/** Three sandbox clusters whose app has pods in two of them and clients in the first, and `isthmus console` beside them. */
export class RealConsole {
  readonly clusters = new LinkedClusters("c1", "c2", "c3");
  url = "";
  /** All that were ever sent. */
  sent = 0;
  #target: { readonly hostname: string; readonly port: number } | undefined;
  #loading: Promise<void> | undefined;
  #stopLoad = false;

  async up(): Promise<void> {
    const { clusters } = this;
    await clusters.up();
    await Promise.all(
      (["c2", "c3"] as const).map(async (cluster) => {
        await clusters.deploy(cluster, "app");
        await clusters.scale(cluster, "app", PODS);
        await clusters.isthmus(cluster, "expose", "deployment/app", "--port", "8080");
      }),
    );
    const service = await eventually(
      async () =>
        clusters.client("c1").find<Service>(RESOURCES.services, { namespace: "default", name: "app" }),
      30_000,
    );
    const { clusterIP = "" } = service.spec;
    const target = { hostname: clusterIP, port: 8080 };
    this.#target = target;
    // Until all pods of both clusters take part.
    await eventually(async () => {
      const shares = await this.#ask(8);
      return (
        Object.keys(shares).length === 2 * PODS && !Object.keys(shares).some((name) => /^\d+$/.test(name))
      );
    }, 30_000);
    const child = clusters.playground.start([
      "--context",
      "sandbox-c1",
      "console",
      "--no-open",
      "--port",
      "0",
      "--data",
      clusters.playground.file("console"),
    ]);
    this.url = await addressOf(child);
  }

  /** So many requests, one after the other; gives who answered. */
  async #ask(times: number): Promise<Shares> {
    if (this.#target === undefined) throw new Error("There is no service yet");
    this.sent += times;
    return ask(this.#target, { times });
  }

  /** A light load, until `rest`. */
  load(): void {
    this.#stopLoad = false;
    this.#loading = (async () => {
      while (!this.#stopLoad) {
        await this.#ask(4);
        await Bun.sleep(40);
      }
    })();
  }

  async rest(): Promise<void> {
    this.#stopLoad = true;
    await this.#loading;
  }

  /** What the router of the clients' site has counted for the app, by its own metrics. */
  async counted(): Promise<number> {
    const { items } = await this.clusters.client("c1").list<Pod>(RESOURCES.pods, {
      namespace: "default",
      labelSelector: "app.kubernetes.io/name=isthmus-router",
    });
    const bodies = await Promise.all(
      items.map(async ({ status }) => (await fetch(`http://${status?.podIP}:9901/metrics`)).text()),
    );
    let sum = 0;
    for (const line of bodies.join("\n").split("\n")) {
      if (line.startsWith("isthmus_requests_total{") && line.includes(`service="${SERVICE}"`)) {
        sum += Number(line.slice(line.lastIndexOf(" ") + 1));
      }
    }
    return sum;
  }

  async down(): Promise<void> {
    await this.rest().catch(() => {});
    await this.clusters.down();
  }
}

/** The address that the console says when it serves. Goes on reading, so that it never waits for a reader. */
async function addressOf(child: Bun.Subprocess<"ignore", "pipe", "pipe">): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const listen = async (stream: ReadableStream<Uint8Array>): Promise<string> => {
    const decoder = new TextDecoder();
    let said = "";
    for await (const chunk of stream) {
      said += decoder.decode(chunk, { stream: true });
      const found = /https?:\/\/\S+/.exec(said);
      if (found !== null) resolve(found[0]);
    }
    return said;
  };
  Promise.all([listen(child.stdout), listen(child.stderr)]).then(
    (said) => reject(new Error(`The console ended:\n${said.join("\n")}`)),
    reject,
  );
  return promise;
}
