import { expect, test } from "bun:test";
import { Endpoint } from "../endpoint.ts";
import { Candidate, NONE_TRIED } from "./candidate.ts";
import { LeastLoaded } from "./least-loaded.ts";

function candidates(count: number): Candidate[] {
  return Array.from({ length: count }, (_, n) => {
    const facts = { name: `p${n}`, ready: true, weight: 1, ports: new Map([[80, 80]]), host: "127.0.0.1" };
    return new Candidate(new Endpoint("a", `p${n}`, facts), 0);
  });
}

/** Clients that each send a request when the last one is answered; returns how many each endpoint had. */
function run(
  pods: Candidate[],
  {
    clients,
    requests,
    msOf,
  }: { clients: number; requests: number; msOf: (pod: number, chance: number) => number },
): number[] {
  const selector = new LeastLoaded({ byCost: false });
  selector.update(pods);
  const counts = pods.map(() => 0);
  let state = 7;
  const chance = (): number =>
    (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff) / 0x7fff_ffff;
  const running: { pod: number; untilMs: number }[] = [];
  for (let sent = 0, nowMs = 0; sent < requests;) {
    while (running.length < clients && sent < requests) {
      const chosen = selector.choose(NONE_TRIED) as Candidate;
      selector.take(chosen);
      chosen.endpoint.inFlight++;
      const pod = pods.indexOf(chosen);
      counts[pod] = (counts[pod] ?? 0) + 1;
      sent++;
      running.push({ pod, untilMs: nowMs + msOf(pod, chance()) });
    }
    running.sort((a, b) => b.untilMs - a.untilMs);
    const done = running.pop();
    if (done === undefined) break;
    nowMs = done.untilMs;
    (pods[done.pod] as Candidate).endpoint.inFlight--;
  }
  return counts;
}

test("LeastRequest: equally fast endpoints share exactly, however much their times scatter", () => {
  for (const clients of [1, 5, 50]) {
    for (const pods of [2, 3, 7]) {
      const counts = run(candidates(pods), {
        clients,
        requests: 2100,
        msOf: (_pod, chance) => 1 + 2 * chance,
      });
      for (const count of counts) expect(Math.abs(count - 2100 / pods)).toBeLessThanOrEqual(1);
    }
  }
});

test("LeastRequest: one that is ten times slower is passed over, one that hangs gets next to nothing", () => {
  const slow = run(candidates(3), { clients: 50, requests: 3000, msOf: (pod) => (pod === 0 ? 100 : 10) });
  console.log(
    `figure: of 3,000 requests a pod ten times slower gets ${slow[0]}, the others ${slow[1]} and ${slow[2]}`,
  );
  expect(slow[0]).toBeLessThan(600);
  const hung = run(candidates(3), { clients: 50, requests: 3000, msOf: (pod) => (pod === 0 ? 1e9 : 10) });
  expect(hung[0]).toBeLessThan(40);
});
