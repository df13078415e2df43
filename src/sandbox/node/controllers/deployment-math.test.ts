import { describe, expect, test } from "bun:test";
import type { Deployment, PodTemplate } from "../types.ts";
import { rollingStep, rolloutBounds, type SetCount, templateHash } from "./deployment-math.ts";

const set = (desired: number, available = desired): SetCount => ({ desired, pods: desired, available });

function deployment(
  replicas: number,
  rollingUpdate: { maxSurge: number | string; maxUnavailable: number | string },
) {
  return { spec: { replicas, strategy: { rollingUpdate } } } as unknown as Deployment;
}

describe("a rolling update", () => {
  test("rounds surge up and unavailability down, and never stands still", () => {
    expect(rolloutBounds(deployment(5, { maxSurge: "25%", maxUnavailable: "25%" }))).toEqual({
      replicas: 5,
      maxSurge: 2,
      maxUnavailable: 1,
    });
    expect(rolloutBounds(deployment(3, { maxSurge: 0, maxUnavailable: 0 })).maxUnavailable).toBe(1);
  });

  test("grows the newest set by the surge, and waits for it before it takes old pods", () => {
    const bounds = { replicas: 3, maxSurge: 1, maxUnavailable: 0 };
    expect(rollingStep(bounds, { newest: set(0), old: [set(3)] })).toEqual({ newest: 1, old: [3] });
    expect(rollingStep(bounds, { newest: set(1, 0), old: [set(3)] })).toEqual({ newest: 1, old: [3] });
    expect(rollingStep(bounds, { newest: set(1), old: [set(3)] })).toEqual({ newest: 1, old: [2] });
  });

  test("takes what is not available first", () => {
    const bounds = { replicas: 3, maxSurge: 0, maxUnavailable: 1 };
    expect(rollingStep(bounds, { newest: set(0), old: [set(1), set(2, 1)] })).toEqual({
      newest: 0,
      old: [1, 1],
    });
  });

  test("ends with all pods in the newest set and never less than it may, whatever becomes available when", () => {
    for (const [maxSurge, maxUnavailable] of [
      [1, 0],
      [0, 1],
      [2, 2],
      [10, 0],
    ] as const) {
      const bounds = { replicas: 6, maxSurge, maxUnavailable };
      let newest = set(0);
      let old = set(6);
      for (let step = 0; step < 50 && (newest.available < 6 || old.desired > 0); step++) {
        const next = rollingStep(bounds, { newest, old: [old] });
        const oldDesired = next.old[0] ?? 0;
        old = set(oldDesired, Math.min(oldDesired, old.available));
        expect(newest.available + old.available).toBeGreaterThanOrEqual(6 - maxUnavailable);
        expect(next.newest + oldDesired).toBeLessThanOrEqual(6 + maxSurge);
        // One pod becomes available per round.
        newest = set(next.newest, Math.min(next.newest, newest.available + 1));
      }
      expect({ newest: newest.desired, old: old.desired }).toEqual({ newest: 6, old: 0 });
    }
  });

  test("knows a template by what it means", () => {
    const a = {
      metadata: { labels: { app: "x" } },
      spec: { containers: [{ name: "a", image: "i" }] },
    } as PodTemplate;
    const b = {
      spec: { containers: [{ image: "i", name: "a" }] },
      metadata: { labels: { "pod-template-hash": "zzz", app: "x" } },
    } as PodTemplate;
    expect(templateHash(a)).toBe(templateHash(b));
    const other = { ...a, spec: { containers: [{ name: "a", image: "j" }] } };
    expect(templateHash(other)).not.toBe(templateHash(a));
  });
});
