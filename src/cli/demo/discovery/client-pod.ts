import { IsthmusError } from "#core/errors.ts";
import { sandboxKubeconfig } from "#sandbox/home.ts";
import type { Commands, Step } from "../commands.ts";
import { contextOf } from "../places.ts";
import { until } from "../until.ts";
import { Unexpected } from "../act.ts";
import { CLUSTERS, type DiscoveryCluster, HOME, NAMESPACE, PORT } from "./places.ts";

/** What the story needs on this machine; the pods of a sandbox run its programs. */
const TOOLS = ["kubectl", "curl", "dig"];
const PATIENCE_MS = 30_000;
const CURL = "curl -s --max-time 5";

/** Requests by cluster, as the answers say. */
export type Counts = ReadonlyMap<string, number>;

/** Throws FAILED when a program is missing. */
export function requireTools(): void {
  const missing = TOOLS.filter((tool) => Bun.which(tool) === null);
  if (missing.length === 0) return;
  throw new IsthmusError(
    "FAILED",
    `The story runs ${TOOLS.join(", ")} in a pod of this machine, which has no ${missing.join(", ")}`,
    { hint: "Install what is missing, for example: apt-get install curl bind9-dnsutils" },
  );
}

/** The pod that asks: what is run in it sees the pod's own resolv.conf, and so the cluster's own DNS. */
export class ClientPod {
  readonly #commands: Commands;
  readonly #signal: AbortSignal;

  constructor(commands: Commands, signal: AbortSignal) {
    this.#commands = commands;
    this.#signal = signal;
  }

  /** Runs a command in the pod, printed as one would type it. */
  async run(...words: readonly string[]): Promise<string> {
    return await this.#commands.run(exec(words));
  }

  /** Asks so many times, each on a connection of its own, and counts who answered. */
  async requests(host: string, count: number): Promise<Counts> {
    const ask = `for n in $(seq ${count}); do ${CURL} http://${host}:${PORT}/; echo; done | sort | uniq -c`;
    return countsOf(await this.run("sh", "-c", ask));
  }

  /** Asks by the way, unprinted, until only this cluster answers; returns how long that took, ms. */
  async untilFrom(host: string, cluster: DiscoveryCluster): Promise<number> {
    const ask = `for n in 1 2 3 4; do ${CURL} http://${host}:${PORT}/; echo; done | sort | uniq -c`;
    return await this.#until(`${host} to be answered by ${cluster}`, ["sh", "-c", ask], (text) => {
      const counts = countsOf(text);
      return counts.size === 1 && counts.get(cluster) === 4;
    });
  }

  /** Looks a name up by the way, unprinted, until it has so many addresses; returns how long that took, ms. */
  async untilAddresses(host: string, count: number): Promise<number> {
    return await this.#until(`${host} to have ${count} addresses`, ["dig", "+short", host], (text) => {
      return text.split("\n").filter((line) => line !== "").length === count;
    });
  }

  async #until(what: string, words: readonly string[], as: (text: string) => boolean): Promise<number> {
    const startMs = performance.now();
    const { program, words: all } = exec(words);
    await until(what, {
      look: async () => {
        const child = Bun.spawn([program, ...all], {
          env: { ...process.env, KUBECONFIG: sandboxKubeconfig() },
          stdin: "ignore",
          stdout: "pipe",
          stderr: "ignore",
          signal: this.#signal,
        });
        return as(await new Response(child.stdout).text()) ? true : undefined;
      },
      hint: `kubectl ${all.join(" ")}`,
      timeoutMs: PATIENCE_MS,
      signal: this.#signal,
    });
    return performance.now() - startMs;
  }
}

/** Throws `Unexpected` unless this cluster gave all answers. */
export function expectOnly(counts: Counts, cluster: DiscoveryCluster, count: number): string {
  const text = countsText(counts);
  if (counts.size !== 1 || counts.get(cluster) !== count)
    throw new Unexpected(`expected ${count} answers of ${cluster}, got ${text}`);
  return text;
}

export function countsText(counts: Counts): string {
  return counts.size === 0 ? "no answer" : [...counts].map(([cluster, n]) => `${cluster} ${n}`).join(", ");
}

/** Reads `uniq -c` of answers; what is no answer of the app counts as `nobody`. */
export function countsOf(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, count, answer = ""] = /^\s*(\d+)(?: (.*))?$/.exec(line) ?? [];
    if (count === undefined) continue;
    const said = /"cluster":"([^"]*)"/.exec(answer)?.[1];
    const cluster = CLUSTERS.find((one) => one === said) ?? "nobody";
    counts.set(cluster, (counts.get(cluster) ?? 0) + Number(count));
  }
  return counts;
}

function exec(words: readonly string[]): Step {
  const place = ["--context", contextOf(HOME), "-n", NAMESPACE];
  return { program: "kubectl", words: ["exec", "deployment/client", ...place, "--", ...words] };
}
