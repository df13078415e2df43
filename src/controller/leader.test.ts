import { afterEach, beforeEach, expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { KubeClient } from "#kube/client.ts";
import { failure, FakeApi } from "#kube/testing/fake-api.ts";
import { LeaderElector } from "./leader.ts";

const LEASES = "/apis/coordination.k8s.io/v1/namespaces/west/leases";
const noJitter = { next: () => 0, below: () => 0 };

const RETRY_MS = 2000;

/** Knows when the candidate that it is given to has done with an attempt and waits for the next one. */
class CandidateClock extends FakeClock {
  resting = false;

  override after(delayMs: number, fn: () => void): () => void {
    if (delayMs !== RETRY_MS) return super.after(delayMs, fn);
    this.resting = true;
    return super.after(delayMs, () => {
      this.resting = false;
      fn();
    });
  }
}

interface Candidate {
  readonly clock: CandidateClock;
  readonly elector: LeaderElector;
  readonly told: boolean[];
}

let api: FakeApi;
let all: Candidate[];

function candidate(identity: string): Candidate {
  const clock = new CandidateClock();
  const told: boolean[] = [];
  const client = new KubeClient(api.connection);
  const elector = new LeaderElector({
    client,
    clock,
    identity,
    namespace: "west",
    name: "isthmus",
    random: noJitter,
    retryMs: RETRY_MS,
    onChange: (leading) => told.push(leading),
  });
  const made = { clock, elector, told };
  all.push(made);
  return made;
}

/** Lets time pass in steps of less than an attempt; the requests of each step are real and are waited for. */
async function pass(ms: number, ...who: Candidate[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1000) {
    for (const { clock } of who) clock.advance(1000);
    do await Bun.sleep(1);
    while (who.some(({ clock }) => !clock.resting));
  }
}

beforeEach(() => {
  api = new FakeApi();
  all = [];
});
afterEach(async () => {
  for (const { elector } of all) await elector.stop();
  await api.stop();
});

test("of two that start at once one leads, and the other follows when it gives the lease back", async () => {
  const a = candidate("a");
  const b = candidate("b");
  a.elector.start();
  b.elector.start();
  await pass(6000, a, b);
  expect(a.elector.leading).not.toBe(b.elector.leading);
  const [leader, follower] = a.elector.leading ? [a, b] : [b, a];
  expect(follower.elector.holder).toBe(leader.elector.id);
  await leader.elector.stop();
  expect(leader.told).toEqual([true, false]);
  await pass(3000, follower);
  expect(follower.elector.leading).toBe(true);
  const spec = api.read(LEASES, "isthmus")?.spec;
  expect(spec).toMatchObject({
    holderIdentity: follower.elector.id,
    leaseDurationSeconds: 15,
    leaseTransitions: 1,
  });
  expect(JSON.stringify(spec)).toMatch(/"renewTime":"[-0-9]+T[:0-9]+\.\d{6}Z"/);
});

test("a leader that dies is followed after the lease, not before, and by its clock, not the times in the lease", async () => {
  api.put(LEASES, {
    metadata: { namespace: "west", name: "isthmus" },
    spec: { holderIdentity: "dead", leaseDurationSeconds: 15, renewTime: "1999-01-01T00:00:00.000000Z" },
  });
  const a = candidate("a");
  a.elector.start();
  await pass(14_000, a);
  expect(a.elector.leading).toBe(false);
  await pass(4000, a);
  expect(a.elector.leading).toBe(true);
});

test("a leader that is cut off steps down after 10 s, before another may lead, and leads again later", async () => {
  const a = candidate("a");
  a.elector.start();
  await pass(1000, a);
  expect(a.elector.leading).toBe(true);
  let cut = true;
  api.intercept(() => (cut ? failure(500, "InternalError", "cut off") : undefined), 1_000_000);
  await pass(8000, a);
  expect(a.told).toEqual([true]);
  await pass(3000, a);
  expect(a.told).toEqual([true, false]);
  cut = false;
  await pass(3000, a);
  expect(a.elector.leading).toBe(true);
});

test("a process that was frozen does not believe that it still leads", async () => {
  const a = candidate("a");
  a.elector.start();
  await pass(1000, a);
  expect(a.elector.leading).toBe(true);
  // No timer fires while it is frozen; the clock goes on all the same.
  a.clock.monotonicMs = () => 60_000;
  expect(a.elector.leading).toBe(false);
});

test("a leader that finds another holder stops at once", async () => {
  const a = candidate("a");
  a.elector.start();
  await pass(1000, a);
  const lease = api.read(LEASES, "isthmus");
  api.put(LEASES, {
    metadata: { namespace: "west", name: "isthmus", uid: lease?.metadata.uid ?? "" },
    spec: { holderIdentity: "other", leaseDurationSeconds: 15 },
  });
  await pass(3000, a);
  expect(a.told).toEqual([true, false]);
});
