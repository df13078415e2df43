import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { seededRandom } from "#core/random.ts";
import type { HttpTarget } from "../../bench/lib/http-connection.ts";
import { untilListens } from "../../bench/lib/processes.ts";
import { startRouterWith } from "../../bench/lib/router.ts";
import { freePort, ownLoopback } from "../lib/addresses.ts";
import { converse } from "./lib/converse.ts";
import { readRequests, type SeenRequest } from "./lib/http-oracle.ts";
import { mutant } from "./lib/mutations.ts";
import { RecordingOrigin } from "./lib/recording-origin.ts";

/*
 * Mutated requests to a real router process. An origin may see at most what a second, strict reading of the same bytes
 * finds, in its order and to the byte; the router may refuse more than that reading, and never crashes.
 */

/** ISTHMUS_FUZZ_COUNT=1000000 for a long run; ISTHMUS_FUZZ_SEED for another one. */
const COUNT = Number(process.env["ISTHMUS_FUZZ_COUNT"] ?? 20_000);
const SEED = Number(process.env["ISTHMUS_FUZZ_SEED"] ?? 1);
const WORKERS = 16;
interface Worker {
  readonly origin: RecordingOrigin;
  readonly port: number;
}

test(
  `${COUNT} mutated requests: the origin sees what was parsed and nothing else, the router lives`,
  async () => {
    const folder = mkdtempSync(`${tmpdir()}/isthmus-mutants-`);
    const host = ownLoopback();
    const workers = Array.from({ length: WORKERS }, (): Worker => ({
      origin: new RecordingOrigin(host),
      port: freePort(),
    }));
    const router = startRouterWith(folder, { name: "mutants", config: configOf(host, workers) });
    const totals = { cases: 0, allowed: 0, seen: 0, answered: 0, hanging: 0 };
    const wrong: object[] = [];
    try {
      await untilListens(workers[0]?.port ?? 0, { hostname: host });
      const startMs = performance.now();
      let next = 0;
      const work = async ({ origin, port }: Worker): Promise<void> => {
        while (next < COUNT && wrong.length < 5) {
          const n = next++;
          const text = mutant(n, seededRandom(SEED * 16_777_619 + n));
          const allowed = readRequests(text).requests;
          const { answers, hanging } = await answersTo({ hostname: host, port }, text);
          for (let turn = 0; origin.busy && turn < 100; turn++) await Bun.sleep(2);
          const seen = origin.take();
          totals.cases++;
          totals.allowed += allowed.length;
          totals.seen += seen.length;
          totals.answered += answers;
          if (hanging) totals.hanging++;
          if (!isPrefix(seen, allowed) || answers > seen.length || hanging) {
            wrong.push({ n, text, allowed, seen, answers, hanging });
          }
        }
      };
      await Promise.all(workers.map(work));
      const seconds = (performance.now() - startMs) / 1000;
      console.log(
        `figure: ${totals.cases} mutated connections in ${seconds.toFixed(1)} s: ${totals.allowed} requests allowed by the oracle, ${totals.seen} seen by the origin, ${totals.answered} answered, ${totals.hanging} hanging, ${wrong.length} wrong`,
      );
      const anomalies = workers.flatMap(({ origin }) => origin.anomalies);
      expect(wrong).toEqual([]);
      expect(anomalies).toEqual([]);
      // Alive, and not because it refuses everything.
      process.kill(router.pid, 0);
      expect(totals.seen).toBeGreaterThan(totals.allowed * 0.8);
      const last = await answersTo(
        { hostname: host, port: workers[0]?.port ?? 0 },
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      );
      expect(last.answers).toBe(1);
    } catch (error) {
      console.log(readFileSync(`${folder}/mutants.log`, "utf8").slice(-4000));
      throw error;
    } finally {
      await router.kill();
      for (const { origin } of workers) origin.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  Math.max(60_000, COUNT * 3),
);

function configOf(host: string, workers: readonly Worker[]): unknown {
  const services = workers.map(({ origin, port }, index) => ({
    service: `fuzz/origin-${index}`,
    listen: `${host}:${port}`,
    endpoints: [{ id: "o", name: "o", host, ports: { 80: origin.port }, ready: true }],
  }));
  return {
    site: { id: "a", name: "a" },
    listeners: services.map(({ service, listen }) => ({ service, port: 80, listen, protocol: "http" })),
    services: services.map(({ service, endpoints }) => ({
      service,
      ports: [{ port: 80, protocol: "TCP" }],
      endpoints,
    })),
  };
}

/** How many answers 200 came. */
async function answersTo(
  target: HttpTarget,
  text: string,
): Promise<{ readonly answers: number; readonly hanging: boolean }> {
  const { received, hanging } = await converse(target, text);
  return { answers: received.split("HTTP/1.1 200 OK\r\n").length - 1, hanging };
}

function isPrefix(seen: readonly SeenRequest[], allowed: readonly SeenRequest[]): boolean {
  return seen.every((request, index) => {
    const other = allowed[index];
    return (
      other !== undefined &&
      request.method === other.method &&
      request.target === other.target &&
      request.body === other.body &&
      // HTTP/1.0 needs none, and then what stands there is the router's choice.
      (other.host === "" || request.host.toLowerCase() === other.host.toLowerCase())
    );
  });
}
