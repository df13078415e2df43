import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { FakeClock } from "#core/clock.ts";
import { flowMatches } from "../model/flow-filter.ts";
import { FakeNetwork } from "../testing/fake-network.ts";
import { observed, type Observed } from "../testing/observed.ts";
import type { FlowFilter } from "../views.ts";
import { SCHEMA_VERSION } from "./schema.ts";

const WEB = "shop/web";

class Folder implements Disposable {
  readonly path = mkdtempSync(`${tmpdir()}/isthmus-observe-`);
  readonly file = `${this.path}/observer.db`;

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

function scene(): { clock: FakeClock; network: FakeNetwork; work: () => void } {
  const clock = new FakeClock(1_700_000_000_000);
  const network = new FakeNetwork(clock, ["c1", "c2"]);
  network.offer("c1", { service: WEB, pods: { a: true } });
  network.offer("c2", { service: WEB, pods: { b: true } });
  const work = (): void => {
    network.router("c1").request({ service: WEB, to: ["c1", "a"], times: 3 });
    network.router("c2").request({ service: WEB, to: ["c2", "b"], times: 2 });
  };
  return { clock, network, work };
}

function totals({ observer }: Observed): Promise<(string | number)[][]> {
  return observer.service(WEB).then(({ pods }) => pods.map(({ name, total }) => [name, total]));
}

test("History, flows, events and totals are there after a restart, and the time between is a gap", async () => {
  using folder = new Folder();
  const { clock, network, work } = scene();
  const first = observed({ clock, network, store: { path: folder.file } });
  await first.rounds(60, work);
  const fromMs = clock.now() - 60_000;
  expect(first.observer.history(WEB, { fromMs }).pods[0]?.rps.slice(1)).toEqual([3, 3, 3, 3, 3]);
  first.observer.stop();
  // Meanwhile the routers go on, and nobody observes.
  for (let second = 0; second < 40; second++) {
    clock.advance(1000);
    work();
  }
  const second = observed({ clock, network, store: { path: folder.file } });
  await second.rounds(30, work);
  const history = second.observer.history(WEB, { fromMs, stepMs: 10_000 });
  const a = history.pods.find(({ name }) => name === "a")?.rps;
  expect(history.stepMs).toBe(10_000);
  expect(a).toEqual([expect.anything(), 3, 3, 3, 3, 3, null, null, null, null, 3, 3, 3]);
  expect(history.p50Ms.filter((value) => value === null).length).toBe(4);
  expect(history.errors.slice(6, 10)).toEqual([null, null, null, null]);
  expect(history.gaps).toEqual([{ fromMs: fromMs + 60_000, toMs: fromMs + 101_000 }]);
  expect(await totals(second)).toEqual([
    ["a", 130 * 3],
    ["b", 130 * 2],
  ]);
  expect(second.observer.flows({ limit: 1000 }).flows.length).toBe(130 * 5);
  const ids = second.observer.flows({ limit: 1000 }).flows.map(({ id }) => id);
  expect(ids).toEqual(Array.from({ length: 650 }, (_, index) => 650 - index));
  expect(second.observer.activity().items).toMatchObject([
    { kind: "ObserverGap", message: "Nobody observed for 41 s: the observer was away" },
  ]);
  second.observer.stop();
});

test("An observer that died without a word loses at most the ten seconds that ran, and no total", async () => {
  using folder = new Folder();
  const { clock, network, work } = scene();
  const first = observed({ clock, network, store: { path: folder.file } });
  await first.rounds(25, work);
  using copy = new Folder();
  // What is in the file now is what a killed process leaves: nothing is written on the way out.
  await Bun.write(copy.file, Bun.file(folder.file));
  await Bun.write(`${copy.file}-wal`, Bun.file(`${folder.file}-wal`));
  first.observer.stop();
  const second = observed({ clock, network, store: { path: copy.file } });
  await second.rounds(12, work);
  expect(await totals(second)).toEqual([
    ["a", 37 * 3],
    ["b", 37 * 2],
  ]);
  expect(second.observer.flows({ limit: 1000 }).flows.length).toBe(37 * 5);
  const { pods } = second.observer.history(WEB, { fromMs: 1_700_000_000_000 });
  expect(pods[0]?.rps.slice(0, 2)).toEqual([expect.any(Number), 3]);
  second.observer.stop();
});

test("A router that restarted while nobody observed adds its new counts to the old ones", async () => {
  using folder = new Folder();
  const { clock, network, work } = scene();
  const first = observed({ clock, network, store: { path: folder.file } });
  await first.rounds(12, work);
  first.observer.stop();
  clock.advance(60_000);
  network.router("c1").restart();
  work();
  const second = observed({ clock, network, store: { path: folder.file } });
  await second.rounds(2);
  expect(await totals(second)).toEqual([
    ["a", 13 * 3],
    ["b", 13 * 2],
  ]);
  expect(second.observer.activity().items.map(({ kind }) => kind)).toEqual([
    "ObserverGap",
    "RouterRestarted",
  ]);
  second.observer.stop();
});

test("What events told of a service before a restart is known after it, and told once", async () => {
  using folder = new Folder();
  const { clock, network, work } = scene();
  const first = observed({ clock, network, store: { path: folder.file } });
  network.router("c1").event({ kind: "Failover", service: WEB, message: "shop/web fails over" });
  await first.rounds(3, work);
  expect(first.observer.services().services[0]?.state).toBe("failover");
  first.observer.stop();
  const second = observed({ clock, network, store: { path: folder.file } });
  await second.rounds(1, work);
  expect(second.observer.services().services[0]?.state).toBe("failover");
  expect(second.observer.activity().items.map(({ kind }) => kind)).toEqual(["Failover"]);
  network.router("c1").event({ kind: "Failback", service: WEB, message: "shop/web is back" });
  await second.rounds(1, work);
  expect(second.observer.services().services[0]?.state).toBe("ok");
  second.observer.stop();
});

test("A file that is damaged is put aside, and history begins anew and says so", async () => {
  using folder = new Folder();
  writeFileSync(folder.file, "not a database ".repeat(1000));
  const { clock, network, work } = scene();
  const one = observed({ clock, network, store: { path: folder.file } });
  await one.rounds(3, work);
  expect(one.observer.activity().items[0]?.message).toContain(
    `its file was damaged and is now ${folder.file}.damaged`,
  );
  expect(existsSync(`${folder.file}.damaged`)).toBe(true);
  one.observer.stop();
  const two = observed({ clock, network, store: { path: folder.file } });
  expect(two.observer.flows({ limit: 1000 }).flows.length).toBe(15);
  two.observer.stop();
});

test("A file that another observer writes is left alone; history is kept in memory until it is free", async () => {
  using folder = new Folder();
  const { clock, network, work } = scene();
  const one = observed({ clock, network, store: { path: folder.file } });
  await one.rounds(3, work);
  const two = observed({ clock, network, store: { path: folder.file } });
  await two.rounds(3, work);
  expect(two.observer.activity().items[0]?.message).toMatch(/History is kept in memory: .*locked/);
  expect(two.observer.services().services[0]?.load.rps).toBe(5);
  one.observer.stop();
  await two.rounds(61, work);
  expect(two.observer.activity().items[0]?.message).toBe("History is written to its file again");
  expect(two.observer.services().services[0]?.load.rps).toBe(5);
  two.observer.stop();
});

test("A disk that is full does not stop the observer: it goes on in memory and says so", async () => {
  using folder = new Folder();
  const { clock, network, work } = scene();
  // 64 pages are the least that the file may grow to: the flows of one round do not go in, even when all others make way.
  const one = observed({ clock, network, store: { path: folder.file, maxBytes: 4096 } });
  await one.rounds(3, () => {
    work();
    for (let n = 0; n < 2000; n++)
      network.router("c1").request({ service: WEB, to: ["c1", "a"], path: `/${n}${"x".repeat(190)}` });
  });
  expect(one.observer.activity().items.at(-1)?.message).toMatch(
    /History cannot be written, and is kept in memory: .*full/,
  );
  expect(one.observer.services().services[0]?.load.rps).toBeGreaterThan(500);
  expect(one.observer.flows().flows.length).toBe(100);
  one.observer.stop();
});

test("A file of another schema version is begun anew", () => {
  using folder = new Folder();
  const db = new Database(folder.file, { create: true });
  db.run("CREATE TABLE flows (old TEXT)");
  db.run(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
  db.close();
  const { observer } = observed({ ...scene(), store: { path: folder.file } });
  expect(observer.flows().flows).toEqual([]);
  expect(observer.activity().items).toEqual([]);
  observer.stop();
});

test("The file stays below its bound, and the newest flows and history stay", async () => {
  using folder = new Folder();
  const { clock, network } = scene();
  const maxBytes = 1024 * 1024;
  const one = observed({ clock, network, store: { path: folder.file, maxBytes } });
  let sent = 0;
  await one.rounds(70, () => {
    for (let n = 0; n < 500; n++)
      network.router("c1").request({ service: WEB, to: ["c1", "a"], path: `/${sent++}/${"y".repeat(80)}` });
    network.router("c1").dropFlows(500);
  });
  expect(statSync(folder.file).size).toBeLessThanOrEqual(maxBytes);
  const { flows } = one.observer.flows({ limit: 1000 });
  expect(flows.length).toBe(1000);
  expect(flows[0]?.http?.path).toBe(`/${sent - 1}/${"y".repeat(80)}`);
  expect(one.observer.activity().items.filter(({ kind }) => kind === "ObserverGap")).toEqual([]);
  expect(one.observer.history(WEB, { fromMs: clock.now() - 60_000 }).pods[0]?.rps.slice(1)).toEqual([
    500, 500, 500, 500, 500,
  ]);
  one.observer.stop();
});

test("What is old is thinned to minutes with the same sums, and what is too old goes", async () => {
  using folder = new Folder();
  const { clock, network, work } = scene();
  const startMs = Math.ceil(clock.now() / 60_000) * 60_000;
  clock.advance(startMs - clock.now());
  const one = observed({ clock, network, store: { path: folder.file, maxAgeMs: 3 * 3_600_000 } });
  await one.rounds(1);
  await one.rounds(180, work);
  clock.advance(3_600_000);
  await one.rounds(60);
  const history = one.observer.history(WEB, { fromMs: startMs, toMs: startMs + 180_000 });
  expect(history.stepMs).toBe(60_000);
  expect(history.pods[0]?.rps.slice(0, 3)).toEqual([3, 3, 3]);
  clock.advance(2 * 3_600_000);
  await one.rounds(60);
  const later = one.observer.history(WEB, { fromMs: startMs, toMs: startMs + 600_000 });
  expect(later.pods).toEqual([]);
  expect(later.errors.every((value) => value === null)).toBe(true);
  expect(one.observer.flows().flows).toEqual([]);
  one.observer.stop();
});

test("A filter finds in the store what it lets through in a stream", async () => {
  const { clock, network } = scene();
  const one = observed({ clock, network });
  const router = network.router("c1");
  await one.rounds(1, () => {
    router.request({ service: WEB, to: ["c1", "a"], path: "/api/x", durationMs: 5 });
    router.request({ service: WEB, to: ["c2", "b"], status: 503, client: "10.0.0.9" });
    router.request({ service: WEB, to: ["c2", "b"], status: 500, durationMs: 900 });
    router.request({ service: "shop/db", protocol: "tcp", to: ["c1", "db"], bytes: 9 });
    router.request({ service: "shop/db", protocol: "tcp", failed: true });
    network.router("c2").request({ service: WEB, to: ["c1", "a"], path: "/ap%i" });
  });
  await one.rounds(1);
  const all = [...one.observer.flows().flows];
  expect(all.length).toBe(6);
  const filters: [FlowFilter, number][] = [
    [{ service: WEB }, 4],
    [{ source: "c2" }, 1],
    [{ source: "id-c1" }, 5],
    [{ destination: "c2" }, 2],
    [{ endpoint: "a" }, 2],
    [{ endpoint: "id-c2/b" }, 2],
    [{ client: "10.0.0.9" }, 1],
    [{ protocol: "tcp" }, 2],
    [{ outcome: "error" }, 3],
    [{ status: "503" }, 1],
    [{ status: "5xx" }, 2],
    [{ method: "GET" }, 4],
    [{ method: "PUT" }, 0],
    [{ path: "/ap" }, 2],
    [{ path: "/ap%" }, 1],
    [{ minDurationMs: 5 }, 2],
    [{ service: WEB, status: "5xx", minDurationMs: 100 }, 1],
    [{ service: "shop/none" }, 0],
  ];
  for (const [filter, count] of filters) {
    expect(one.observer.flows(filter).flows).toEqual(all.filter((flow) => flowMatches(flow, filter)));
    expect(`${JSON.stringify(filter)} ${one.observer.flows(filter).flows.length}`).toBe(
      `${JSON.stringify(filter)} ${count}`,
    );
  }
  const page = one.observer.flows({ limit: 4 }).flows;
  const rest = one.observer.flows({ limit: 4, before: page.at(-1)?.id ?? 0 }).flows;
  expect([...page, ...rest]).toEqual(all);
});
