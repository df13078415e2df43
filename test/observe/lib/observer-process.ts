/**
 * An observer with its API as a process of its own, to be killed: `observer-process.ts <router's admin URL> <file> <anchor> <speed>`.
 * Its time runs `speed` times as fast as ours since `anchor` (ms), so that tests wait less. Prints the port that it serves on.
 */
import { type Clock, systemClock } from "#core/clock.ts";
import { observerApi } from "#observe/api.ts";
import { Observer } from "#observe/observer.ts";
import { directSource } from "#observe/sources/direct.ts";

const [router = "", path = "", anchor = "0", speed = "1"] = process.argv.slice(2);

const clock: Clock = {
  now: () => Number(anchor) + (systemClock.now() - Number(anchor)) * Number(speed),
  monotonicMs: () => systemClock.monotonicMs() * Number(speed),
  after: (delayMs, fn) => systemClock.after(delayMs / Number(speed), fn),
  every: (periodMs, fn) => systemClock.every(periodMs / Number(speed), fn),
};

const observer = new Observer({ source: directSource([router]), clock, store: { path } });
const api = observerApi(observer, { clock });
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: async (request) => (await api(request)) ?? new Response("Not found", { status: 404 }),
});
observer.start();
process.stdout.write(`${server.port}\n`);
