import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CLUSTER_MARKER } from "./home.ts";
import { down, status, up } from "./manage.ts";
import { findMarked } from "./node/kubelet/proc.ts";

const root = mkdtempSync(join(tmpdir(), "isthmus-interrupted-"));
const home = join(root, "sandbox");
const entry = new URL("../bin/isthmus.ts", import.meta.url).pathname;
const options = { home, program: [process.execPath, entry] };

afterAll(async () => {
  await down(undefined, options);
  rmSync(root, { recursive: true, force: true });
});

const processes = (): number => findMarked(CLUSTER_MARKER, (value) => value.startsWith(`${home}/`)).length;

async function until(look: () => boolean): Promise<void> {
  const end = performance.now() + 8000;
  while (!look()) {
    if (performance.now() > end) throw new Error(`Still waiting for: ${look.toString()}`);
    await Bun.sleep(2);
  }
}

for (const [signal, code] of [
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const) {
  test(`up that gets ${signal} leaves neither process nor file, at any moment`, async () => {
    for (const moment of [() => existsSync(join(home, "c1")), () => processes() > 0]) {
      mkdirSync(root, { recursive: true });
      const command = Bun.spawn([...options.program, "sandbox", "up", "c1", "c2"], {
        env: { ...process.env, ISTHMUS_HOME: root },
        stdio: ["ignore", "ignore", "pipe"],
      });
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await until(moment);
      command.kill(signal);
      // oxlint-disable-next-line no-await-in-loop
      expect(await command.exited).toBe(code);
      expect(processes()).toBe(0);
      expect(existsSync(home)).toBe(false);
    }
  }, 30_000);
}

test("an aborted up leaves what was there before as it was", async () => {
  await up(["sleeper", "runner"], options);
  await down(["sleeper"], { ...options, keepData: true });
  const aborted = new AbortController();
  const attempt = up(["runner", "sleeper", "fresh"], { ...options, signal: aborted.signal });
  await until(() => existsSync(join(home, "fresh")));
  aborted.abort(new Error("enough"));
  expect(await attempt.catch((error: unknown) => error)).toMatchObject({ message: "enough" });
  const after = await status(options);
  expect(after.map(({ name, state }) => `${name} ${state}`).toSorted()).toEqual([
    "runner Running",
    "sleeper Stopped",
  ]);
  expect(processes()).toBe(1);
  // It still comes back.
  await up(["sleeper"], options);
  expect((await status(options)).every(({ state }) => state === "Running")).toBe(true);
}, 30_000);
