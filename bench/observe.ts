/**
 * What observation costs the data path: one HTTP/1.1 hop at its full rate, twice. One router records flows and is asked for
 * everything once a second, as an observer does; the other records none and nobody asks it. They take turns, in slices.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { startBackend } from "./lib/backend.ts";
import type { BenchOptions } from "./lib/measure.ts";
import { stopPlane, type Plane } from "./lib/plane.ts";
import { cpuSeconds, freePort, untilListens } from "./lib/processes.ts";
import { startRouter } from "./lib/router.ts";
import { median, round } from "./lib/stats.ts";
import { cell } from "./lib/table.ts";
import { wrk } from "./lib/wrk.ts";

const CONNECTIONS = 50;
const ASK_MS = 1000;
const BAR = 0.95;
/** Each of the two is first and last once, so that what drifts concerns both. */
const ORDER = ["on", "off", "off", "on"] as const;

interface Slice {
  readonly observation: (typeof ORDER)[number];
  readonly round: number;
  readonly requestsPerSecond: number;
  readonly cpuUsPerRequest: number;
  readonly errors: number;
}

export interface ObserveFigures {
  readonly slices: readonly Slice[];
  /** What the asker was told of the requests: those that were recorded, and those that were not. */
  readonly told: { readonly asks: number; readonly flows: number; readonly unsampled: number };
  /** With observation / without, medians over rounds. */
  readonly ratios: { readonly throughputWithFlows: number; readonly cpuWithFlows: number };
  readonly ok: boolean;
}

export async function measureObservation(options: BenchOptions): Promise<ObserveFigures> {
  if (Bun.which("nginx") === null || Bun.which("wrk") === null)
    throw new Error("The bench needs nginx and wrk: apt-get install nginx wrk");
  const folder = mkdtempSync(`${tmpdir()}/isthmus-bench-`);
  const backend = await startBackend(folder);
  const adminPort = freePort();
  const planes: Plane[] = [];
  try {
    const on = await startHop(folder, { name: "on", adminPort, backendPort: backend.port });
    planes.push(on);
    const off = await startHop(folder, { name: "off", backendPort: backend.port });
    planes.push(off);
    const asker = new Asker(adminPort);
    for (const plane of planes) {
      options.progress(`warm-up: observation ${plane.name}`);
      await slice(plane, { seconds: options.seconds });
    }
    const slices: Slice[] = [];
    for (let turn = 1; turn <= options.rounds; turn++) {
      options.progress(`round ${turn} of ${options.rounds}`);
      for (const observation of ORDER) {
        const figures = await slice(observation === "on" ? on : off, { seconds: options.seconds });
        slices.push({ observation, round: turn, ...figures });
      }
    }
    return figuresOf(slices, await asker.stop());
  } finally {
    await Promise.all(planes.map(stopPlane));
    await backend.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startHop(
  folder: string,
  {
    name,
    ...ports
  }: { readonly name: "on" | "off"; readonly adminPort?: number; readonly backendPort: number },
): Promise<Plane> {
  const listenPort = freePort();
  const more = { observe: { flows: name === "on" } };
  const hop = startRouter(folder, { site: name, listenPort, protocol: "http", more, ...ports });
  await untilListens(listenPort);
  return { name, port: listenPort, processes: [hop] };
}

async function slice(
  plane: Plane,
  { seconds }: { readonly seconds: number },
): Promise<Pick<Slice, "requestsPerSecond" | "cpuUsPerRequest" | "errors">> {
  const pids = plane.processes.map(({ pid }) => pid);
  const before = cpuSeconds(pids);
  const result = await wrk({ url: `http://127.0.0.1:${plane.port}/1k`, connections: CONNECTIONS, seconds });
  return {
    requestsPerSecond: round(result.requests / result.seconds),
    cpuUsPerRequest: round(((cpuSeconds(pids) - before) / result.requests) * 1e6),
    errors: result.errors,
  };
}

/** Asks as an observer does: once a second, for what is newer. */
class Asker {
  readonly #url: string;
  readonly #running: Promise<void>;
  #cursor = "";
  #stopped = false;
  #told = { asks: 0, flows: 0, unsampled: 0 };

  constructor(adminPort: number) {
    this.#url = `http://127.0.0.1:${adminPort}/v1/observe`;
    this.#running = this.#run();
  }

  async stop(): Promise<ObserveFigures["told"]> {
    this.#stopped = true;
    await this.#running;
    return this.#told;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const answer = (await (await fetch(`${this.#url}?${this.#cursor}`)).json()) as {
        readonly flows: readonly unknown[];
        readonly flowsUnsampled: number;
        readonly next: Readonly<Record<string, string | number>>;
        readonly more: boolean;
      };
      this.#told.asks++;
      this.#told.flows += answer.flows.length;
      this.#told.unsampled += answer.flowsUnsampled;
      this.#cursor = new URLSearchParams(
        Object.entries(answer.next).map(([name, value]): [string, string] => [name, String(value)]),
      ).toString();
      if (!answer.more) await Bun.sleep(ASK_MS);
    }
  }
}

function figuresOf(slices: readonly Slice[], told: ObserveFigures["told"]): ObserveFigures {
  const rounds = [...new Set(slices.map((one) => one.round))];
  const ratio = (figure: "requestsPerSecond" | "cpuUsPerRequest"): number =>
    round(
      median(
        rounds.map((turn) => {
          const sum = (observation: Slice["observation"]): number =>
            slices
              .filter((one) => one.round === turn && one.observation === observation)
              .reduce((all, one) => all + one[figure], 0);
          return sum("on") / sum("off");
        }),
      ),
    );
  const ratios = {
    throughputWithFlows: ratio("requestsPerSecond"),
    cpuWithFlows: ratio("cpuUsPerRequest"),
  };
  const failed = slices.some(({ errors }) => errors > 0);
  return { slices, told, ratios, ok: !failed && ratios.throughputWithFlows >= BAR };
}

export function observeReport({ slices, told, ratios }: ObserveFigures): string {
  const of = (observation: Slice["observation"], figure: "requestsPerSecond" | "cpuUsPerRequest"): number =>
    round(median(slices.filter((one) => one.observation === observation).map((one) => one[figure])));
  const rows: readonly (readonly [string, "requestsPerSecond" | "cpuUsPerRequest", number, string])[] = [
    ["requests/s", "requestsPerSecond", ratios.throughputWithFlows, `>= ${BAR}`],
    ["CPU us/request", "cpuUsPerRequest", ratios.cpuWithFlows, ""],
  ];
  const lines = ["one HTTP/1.1 hop with and without observation, medians", ""];
  lines.push(["", "with", "without", "ratio", "bar"].map(cell).join(""));
  for (const [label, figure, ratio, bar] of rows)
    lines.push([label, `${of("on", figure)}`, `${of("off", figure)}`, `${ratio}`, bar].map(cell).join(""));
  lines.push(
    "",
    `told in ${told.asks} answers: ${told.flows} requests, and ${told.unsampled} that were not sampled`,
  );
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}
