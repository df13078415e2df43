import { describe, expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { Prober } from "./prober.ts";

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

describe("a prober", () => {
  test("looks often until the first success, then by its period, and counts failures only then", async () => {
    const clock = new FakeClock();
    let good = false;
    let runs = 0;
    const verdicts: boolean[] = [];
    const failures: string[] = [];
    const prober = new Prober({
      probe: { periodSeconds: 5, failureThreshold: 2 },
      clock,
      eager: true,
      run: () => Promise.resolve(((runs++, good) ? { ok: true } : { ok: false, message: "no" }) as never),
      onVerdict: (ok) => verdicts.push(ok),
      onFailure: (message) => failures.push(message),
    });
    const pass = async (ms: number): Promise<void> => {
      for (let at = 0; at < ms; at += 10) {
        clock.advance(10);
        await settle();
      }
    };
    await pass(500);
    expect(runs).toBeGreaterThan(20);
    expect({ verdicts, failures }).toEqual({ verdicts: [], failures: [] });
    good = true;
    await pass(50);
    expect(verdicts).toEqual([true]);
    good = false;
    runs = 0;
    await pass(5000);
    expect({ runs, verdicts, failures }).toEqual({ runs: 1, verdicts: [true], failures: ["no"] });
    await pass(5000);
    expect(verdicts).toEqual([true, false]);
    prober.stop();
  });
});
