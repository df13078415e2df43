import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { seededRandom } from "#core/random.ts";
import { untilListens } from "../../bench/lib/processes.ts";
import { startRouterWith } from "../../bench/lib/router.ts";
import { freePort, ownLoopback } from "../lib/addresses.ts";
import { HelperProcess } from "../lib/helper-process.ts";
import { converse } from "./lib/converse.ts";
import type { OriginMessage } from "./lib/http2-origin.ts";
import { frame, http2Mutant } from "./lib/http2-mutations.ts";

/*
 * Mutated HTTP/2 connections to a real router process: it lives, ends each of them, and its origin never sees what stood in
 * a value as a request, nor a method that is none.
 */

const COUNT = Number(process.env["ISTHMUS_FUZZ_COUNT"] ?? 4000);
const SEED = Number(process.env["ISTHMUS_FUZZ_SEED"] ?? 1);
const WORKERS = 16;

test(
  `${COUNT} mutated HTTP/2 connections: the router lives, and every one of them ends`,
  async () => {
    const folder = mkdtempSync(`${tmpdir()}/isthmus-mutants-`);
    const host = ownLoopback();
    const target = { hostname: host, port: freePort() };
    await using origin = new HelperProcess<OriginMessage>(
      new URL("lib/http2-origin.ts", import.meta.url).pathname,
      host,
    );
    const { port } = await origin.next();
    const router = startRouterWith(folder, {
      name: "mutants",
      config: {
        site: { id: "a", name: "a" },
        listeners: [{ service: "fuzz/app", port: 80, listen: `${host}:${target.port}`, protocol: "http" }],
        services: [
          {
            service: "fuzz/app",
            ports: [{ port: 80 }],
            endpoints: [{ id: "o", name: "o", host, ports: { 80: port }, ready: true }],
          },
        ],
      },
    });
    try {
      await untilListens(target.port, { hostname: host });
      const startMs = performance.now();
      let next = 0;
      let hanging = 0;
      const work = async (): Promise<void> => {
        while (next < COUNT) {
          const n = next++;
          const ended = await converse(target, http2Mutant(n, seededRandom(SEED * 16_777_619 + n)));
          if (ended.hanging) {
            hanging++;
            console.log(`hanging: ISTHMUS_FUZZ_SEED=${SEED}, number ${n}`);
          }
        }
      };
      await Promise.all(Array.from({ length: WORKERS }, work));
      const { seen } = await origin.ask("seen");
      const strange = seen.filter(
        ({ method, path }) => !/^[\w!#$%&'*+.^`|~-]+$/.test(method) || path.includes("smuggled"),
      );
      console.log(
        `figure: ${COUNT} mutated HTTP/2 connections in ${((performance.now() - startMs) / 1000).toFixed(1)} s: ${seen.length} requests seen by the origin, ${strange.length} strange, ${hanging} hanging`,
      );
      expect(seen.length).toBeGreaterThan(COUNT / 4);
      expect({ hanging, strange }).toEqual({ hanging: 0, strange: [] });
      process.kill(router.pid, 0);
      const good = await converse(
        target,
        `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${frame(4, 0, { stream: 0, text: "" })}`,
      );
      expect(good.hanging).toBe(false);
      expect(good.received.charCodeAt(3)).toBe(4);
    } catch (error) {
      console.log(readFileSync(`${folder}/mutants.log`, "utf8").slice(-4000));
      throw error;
    } finally {
      await router.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  Math.max(60_000, COUNT * 4),
);
