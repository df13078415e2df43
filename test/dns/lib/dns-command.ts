import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TYPE } from "#dns/constants.ts";
import { ask, readAnswer, type Read } from "#dns/testing/client.ts";
import type { UdpClient } from "#dns/testing/udp-client.ts";

const PROGRAM = new URL("../../../src/bin/isthmus.ts", import.meta.url).pathname;

export interface Cluster {
  readonly url: string;
  readonly ca: string;
  readonly token: string;
}

/** A kubeconfig with the context `t` (namespace `shop`) in a directory of its own. */
export class Config implements Disposable {
  readonly #dir = mkdtempSync(join(tmpdir(), "isthmus-dns-"));
  readonly path = join(this.#dir, "kubeconfig");

  constructor({ url, ca, token }: Cluster) {
    const text = JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "t",
      clusters: [
        {
          name: "t",
          cluster: { server: url, "certificate-authority-data": Buffer.from(ca).toString("base64") },
        },
      ],
      users: [{ name: "t", user: { token } }],
      contexts: [{ name: "t", context: { cluster: "t", user: "t", namespace: "shop" } }],
    });
    writeFileSync(this.path, text, { mode: 0o600 });
  }

  [Symbol.dispose](): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `isthmus dns run` as a process; killed with `await using`. */
export class DnsCommand implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #log: Promise<string>;
  readonly #port = Promise.withResolvers<number>();
  readonly #metricsPort = Promise.withResolvers<number>();

  constructor(words: readonly string[], config: Config) {
    this.#child = Bun.spawn([process.execPath, PROGRAM, "dns", "run", ...words], {
      env: { ...process.env, KUBECONFIG: config.path, NO_COLOR: "1" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#log = this.#read();
    for (const { promise } of [this.#port, this.#metricsPort]) promise.catch(() => {});
  }

  /** Where it answers, once it does. */
  get port(): Promise<number> {
    return this.#port.promise;
  }

  /** Where it shows its metrics, once it does. */
  get metricsPort(): Promise<number> {
    return this.#metricsPort.promise;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async ended(): Promise<Ended> {
    const [code, stdout, stderr] = await Promise.all([
      this.#child.exited,
      new Response(this.#child.stdout).text(),
      this.#log,
    ]);
    return { code, stdout, stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async #read(): Promise<string> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of this.#child.stderr) {
      text += decoder.decode(chunk, { stream: true });
      const port = /"message":"DNS runs".*"port":(\d+)/.exec(text)?.[1];
      if (port === undefined) continue;
      this.#port.resolve(Number(port));
      const metrics = /"metricsPort":(\d+)/.exec(text)?.[1];
      if (metrics !== undefined) this.#metricsPort.resolve(Number(metrics));
    }
    const ended = new Error(`The DNS server ended:\n${text}`);
    for (const { reject } of [this.#port, this.#metricsPort]) reject(ended);
    return text;
  }
}

/** Asks for addresses. */
export async function lookUp(client: UdpClient, name: string, type: keyof typeof TYPE = "A"): Promise<Read> {
  return readAnswer(await client.ask(ask({ name, type: TYPE[type] })));
}

/** Asks until the answer is as wanted; returns how long that took, ms. */
export async function untilAnswer(
  client: UdpClient,
  options: { readonly name: string; readonly as: (read: Read) => boolean; readonly timeoutMs?: number },
): Promise<number> {
  const startMs = performance.now();
  const { name, timeoutMs = 10_000 } = options;
  for (;;) {
    const read = await lookUp(client, name);
    if (options.as(read)) return performance.now() - startMs;
    if (performance.now() - startMs > timeoutMs) throw new Error(`Still ${JSON.stringify(read)}`);
    await Bun.sleep(0);
  }
}
