import { expect, test } from "bun:test";
import { byFailure, byPod, figureOf, Load } from "../lib/load.ts";
import { Namespaces, whyNoNamespaces } from "../lib/namespaces.ts";
import { OwnDelay } from "../lib/own-delay.ts";
import { Pods } from "../lib/pods.ts";
import { TrafficSites } from "../lib/traffic-sites.ts";

/*
 * A whole cluster goes, with requests on their way to it: its router is killed, or (as root, in network namespaces) all
 * packets to it are dropped in silence. Its pods live on, so they can say what reached them.
 */

/** What the issue promises. */
const ELSEWHERE_WITHIN_MS = 2500;
/** Until a request that may not be repeated is told that it broke. */
const BROKEN_WITHIN_MS = 3000;

/** Set in the process that this file starts in a network namespace of its own. */
const INSIDE = "ISTHMUS_TEST_NAMESPACE";
const inside = process.env[INSIDE] === "1";

if (inside) {
  test("a cluster that falls silent", async () => {
    using namespaces = new Namespaces();
    const places = new Map(["a", "b", "c"].map((name) => [name, namespaces.host(name)]));
    const place = (name: string): NonNullable<ReturnType<typeof places.get>> => {
      const found = places.get(name);
      if (found === undefined) throw new Error(`no place for ${name}`);
      return found;
    };
    await using b = await Pods.start(["b-0", "b-1"], place("b"));
    await using c = await Pods.start(["c-0", "c-1"], place("c"));
    await using sites = await TrafficSites.start({
      others: { b: { pods: b.all }, c: { pods: c.all } },
      place,
    });
    await vanish({
      what: "silently dropped packets",
      sites,
      pods: [b, c],
      vanish: () => namespaces.silence("b"),
    });
    const healedMs = performance.now();
    namespaces.heal("b");
    await sites.untilKnown();
    await using load = new Load({ target: sites.entrance, perSecond: 100, connections: 10 });
    await Bun.sleep(500);
    await load.stop();
    console.log(
      `figure: healed: known again after ${(performance.now() - healedMs - 500).toFixed(0)} ms; ${figureOf(load.requests)}`,
    );
    expect(byFailure(load.requests)).toEqual({});
  }, 60_000);
} else {
  test("SIGKILL of a cluster's router: GETs succeed elsewhere, POSTs reach a pod at most once", async () => {
    await using b = await Pods.start(["b-0", "b-1"]);
    await using c = await Pods.start(["c-0", "c-1"]);
    await using sites = await TrafficSites.start({ others: { b: { pods: b.all }, c: { pods: c.all } } });
    await vanish({ what: "SIGKILL of its router", sites, pods: [b, c], vanish: () => sites.kill("b") });
    sites.restart("b");
    const restartedMs = performance.now();
    await sites.untilKnown();
    console.log(
      `figure: its router started again: known after ${(performance.now() - restartedMs).toFixed(0)} ms`,
    );
  }, 60_000);

  const missing = whyNoNamespaces();
  if (missing !== undefined) console.log(`notice: silently dropped packets are not tested: ${missing}`);
  test.skipIf(missing !== undefined)(
    "packets that are silently dropped: GETs succeed elsewhere within 2.5 s, POSTs reach a pod at most once",
    async () => {
      const child = Bun.spawn(
        ["unshare", "-n", process.execPath, "test", "--timeout", "60000", import.meta.path],
        { env: { ...process.env, [INSIDE]: "1" }, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
      );
      const [out, err, code] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ]);
      for (const [line] of out.matchAll(/^figure: .*$/gm)) console.log(line);
      if (code !== 0) throw new Error(`${out}${err}`);
    },
    90_000,
  );
}

/** GETs and POSTs in flight and coming, when `vanish` takes b away; judged by what clients and pods saw. */
async function vanish(options: {
  readonly what: string;
  readonly sites: TrafficSites;
  readonly pods: readonly Pods[];
  readonly vanish: () => void | Promise<void>;
}): Promise<void> {
  const { sites, what } = options;
  const common = { target: sites.entrance, headers: "x-wait-ms: 50\r\n" };
  const gets = new Load({ ...common, perSecond: 200, connections: 200 });
  const posts = new Load({ ...common, perSecond: 100, connections: 200, method: "POST" });
  await Bun.sleep(1500);
  const own = new OwnDelay();
  const goneMs = performance.now();
  await options.vanish();
  await Bun.sleep(4000);
  await Promise.all([gets.stop(), posts.stop()]);
  const delayMs = own.stop();
  const times = new Map<string, number>();
  for (const { ids } of (await Promise.all(options.pods.map((pods) => pods.report()))).flat()) {
    for (const [id, count] of ids) times.set(id, (times.get(id) ?? 0) + count);
  }
  const twice = posts.requests.filter(({ id }) => (times.get(id) ?? 0) > 1);
  const lost = posts.requests.filter(({ id, failure }) => failure === undefined && times.get(id) !== 1);
  const before = byPod(gets.between(goneMs - 1000, goneMs - 100));
  console.log(`figure: ${what}: GETs ${figureOf(gets.requests)}`);
  console.log(
    `figure: ${what}: POSTs ${figureOf(posts.requests)}; ${twice.length} reached a pod twice, ${lost.length} answered that did not arrive`,
  );
  expect(Object.keys(before)).toEqual(["b-0", "b-1", "c-0", "c-1"]);
  expect(byFailure(gets.requests)).toEqual({});
  expect({ twice: twice.length, lost: lost.length }).toEqual({ twice: 0, lost: 0 });
  expect(longest(gets.requests)).toBeLessThan(ELSEWHERE_WITHIN_MS + delayMs);
  expect(longest(posts.requests)).toBeLessThan(BROKEN_WITHIN_MS + delayMs);
  // Nobody is sent there once it is known to be gone, and nothing fails any more.
  const after = [...gets.between(goneMs + 3000), ...posts.between(goneMs + 3000)];
  expect(Object.keys(byPod(after))).toEqual(["c-0", "c-1"]);
  expect(byFailure(after)).toEqual({});
}

function longest(requests: Load["requests"]): number {
  return Math.max(...requests.map(({ dueMs, doneMs }) => doneMs - dueMs));
}
