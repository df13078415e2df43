import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import type { LinkStream } from "#link/types.ts";
import type { Router } from "../../router.ts";
import { TestNetwork } from "../../testing/network.ts";
import { eventually, listener, Rig, service, SERVICE } from "../../testing/routers.ts";
import type { Observation } from "../observation.ts";
import { Asked } from "./asked.ts";
import { Asking } from "./asking.ts";
import { MAX_ANSWER_BYTES, OBSERVE_SERVICE, readAnswer, writeAnswer } from "./protocol.ts";

const accept = [{ listen: "127.0.0.1:0" }];
const admin = { listen: "127.0.0.1:0" };

function linkTo(router: Router): { readonly name: string; readonly addresses: string[] } {
  return { name: "on", addresses: [`127.0.0.1:${router.linkPorts[0]}`] };
}

/** Sites a, b and c in a row: a reaches c through b. */
async function row(
  rig: Rig,
  observe: { readonly access?: "network" | "site" } = {},
): Promise<{ readonly a: Router; readonly b: Router; readonly c: Router }> {
  const network = await TestNetwork.create();
  const identity = (id: string): ReturnType<TestNetwork["identity"]> => network.identity(id);
  const c = rig.router({
    site: { id: "c", name: "site-c" },
    identity: await identity("c"),
    accept,
    observe,
    listeners: [listener()],
    services: [service([rig.backend()])],
  });
  const b = rig.router({
    site: { id: "b", name: "site-b" },
    identity: await identity("b"),
    accept,
    links: [linkTo(c)],
  });
  const a = rig.router({
    site: { id: "a", name: "site-a" },
    identity: await identity("a"),
    links: [linkTo(b)],
    admin,
  });
  await eventually(() => a.core().network.sites.get("c")?.cost === 2);
  await eventually(() => c.core().network.sites.get("a")?.cost === 2);
  return { a, b, c };
}

async function ask(router: Router, path: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`http://127.0.0.1:${router.adminPort}${path}`);
  return { status: answer.status, text: await answer.text() };
}

function outcomes(router: Router, name: string): Record<string, number> {
  const found = [
    ...router.metrics().matchAll(new RegExp(`^${name}\\{outcome="(.*?)"\\} ([1-9]\\d*)$`, "gm")),
  ];
  return Object.fromEntries(found.map(([, outcome = "", count]) => [outcome, Number(count)]));
}

test("a site is asked through the site between, with cursors, and counts on both ends", async () => {
  using rig = new Rig();
  const { a, c } = await row(rig);
  const first = await ask(a, "/v1/sites/c/v1/observe");
  expect(first.status).toBe(200);
  const said = JSON.parse(first.text) as Observation;
  expect(said.router).toMatchObject({ siteId: "c", siteName: "site-c" });
  expect(said.state?.sites.map(({ id, routers }) => [id, routers])).toEqual([
    ["c", ["router-0"]],
    ["a", ["router-0"]],
    ["b", ["router-0"]],
  ]);
  const { epoch, flows, events, traffic, state } = said.next;
  const query = `epoch=${epoch}&flows=${flows}&events=${events}&traffic=${traffic}&state=${state}`;
  const next = JSON.parse((await ask(a, `/v1/sites/c/v1/observe?${query}`)).text) as Observation;
  expect([next.next.epoch, next.events]).toEqual([epoch, []]);
  const explained = await ask(a, `/v1/sites/c/v1/explain?service=${SERVICE}&port=8080`);
  expect(JSON.parse(explained.text)).toMatchObject({ service: SERVICE });
  expect((await ask(a, "/v1/sites/c/v1/explain?service=default/nothing&port=1")).status).toBe(404);
  expect(outcomes(c, "isthmus_router_observe_asked_total")).toEqual({ answered: 4 });
  expect(outcomes(a, "isthmus_router_observe_asks_total")).toEqual({ answered: 4 });
  expect((await ask(a, "/v1/sites/a/v1/observe")).status).toBe(200);
});

test("nothing else is told over links, and nothing of a site that is not there", async () => {
  using rig = new Rig();
  const { a, c } = await row(rig);
  for (const path of ["/v1/state", "/v1/streams", "/metrics", "/v1/observe/", "/v1/sites/b/v1/observe"])
    expect((await ask(a, `/v1/sites/c${path}`)).status).toBe(404);
  const unknown = await ask(a, "/v1/sites/x/v1/observe");
  expect([unknown.status, unknown.text]).toEqual([404, "No site of this network has the id x\n"]);
  expect((await ask(a, `/v1/sites/c/v1/observe?${"x".repeat(2100)}`)).status).toBe(404);
  expect(outcomes(c, "isthmus_router_observe_asked_total")).toEqual({});
});

test("a site that tells only itself refuses others, and counts that; its own admin endpoint is not concerned", async () => {
  using rig = new Rig();
  const { a, c } = await row(rig, { access: "site" });
  expect(await ask(a, "/v1/sites/c/v1/observe")).toMatchObject({ status: 403 });
  expect(outcomes(c, "isthmus_router_observe_asked_total")).toEqual({ denied: 1 });
  expect(outcomes(a, "isthmus_router_observe_asks_total")).toEqual({ refused: 1 });
  expect((await c.ask("c", "/v1/observe")).status).toBe(200);
});

test("a site that cannot be reached is 502", async () => {
  using rig = new Rig();
  const { a, b } = await row(rig);
  b.stop();
  await eventually(() => a.core().network.sites.get("c")?.cost === undefined);
  expect(await ask(a, "/v1/sites/c/v1/observe")).toEqual({
    status: 502,
    text: "No link leads to site c now\n",
  });
});

function routersOf(router: Router | undefined): readonly string[] | undefined {
  return router?.state().sites.find(({ id }) => id === "far")?.routers;
}

interface Pipe {
  readonly near: LinkStream;
  readonly far: LinkStream;
  readonly sent: Uint8Array[];
  readonly resets: string[];
}

/** What a link's stream is to either side, in memory; `far` takes no more than a piece until it is asked to go on. */
function streams(): Pipe {
  const sent: Uint8Array[] = [];
  const resets: string[] = [];
  const nothing = { onData() {}, onFin() {}, onReset() {}, onWritable() {} };
  const open = {
    service: OBSERVE_SERVICE,
    port: 1,
    endpoint: "c/",
    protocol: "tcp",
    client: "",
    hops: ["a"],
    trace: "",
  } as const;
  const stream = (name: string): LinkStream => ({
    handler: nothing,
    open,
    draining: false,
    write: (chunk) => (sent.push(chunk), true),
    give: (chunk) => (sent.push(chunk), false),
    fin: () => void resets.push(`${name} fin`),
    reset: (code) => void resets.push(`${name} ${code}`),
    consumed: () => undefined,
  });
  return { near: stream("near"), far: stream("far"), sent, resets };
}

test("who asks slowly, wrongly or too much at once is cut off", () => {
  const clock = new FakeClock();
  const answer = { status: 200, body: "x".repeat(200_000) };
  const asked = new Asked({ clock, allowed: () => true, answer: () => answer });
  const pipes = Array.from({ length: 9 }, streams);
  for (const { far } of pipes) asked.accept(far);
  expect(pipes[8]?.resets).toEqual(["far OVERLOAD"]);
  const [slow, wrong, long, good, gone] = pipes as [Pipe, Pipe, Pipe, Pipe, Pipe];
  wrong.far.handler.onData(Buffer.from("/v1/state\n"));
  wrong.far.handler.onFin();
  long.far.handler.onData(Buffer.alloc(3000, "x"));
  good.far.handler.onData(Buffer.from("/v1/observe\n"));
  good.far.handler.onFin();
  gone.far.handler.onReset("LINK_LOST", "");
  expect([wrong.resets, long.resets]).toEqual([["far PROTOCOL"], ["far PROTOCOL"]]);
  // A piece at a time, as the stream takes them.
  expect(good.sent).toHaveLength(1);
  for (let n = 0; n < 3; n++) good.far.handler.onWritable();
  expect(good.resets).toEqual(["far fin"]);
  expect(readAnswer(Buffer.concat(good.sent))).toEqual(answer);
  clock.advance(5000);
  expect(slow.resets).toEqual(["far TIMEOUT"]);
  expect(asked.counts).toMatchObject({
    answered: 1,
    denied: 0,
    overload: 1,
    malformed: 2,
    timeout: 4,
    broken: 1,
  });
});

test("an answer is whole or none: cut short and reset are 502, silence is 504, too long is cut off", async () => {
  const clock = new FakeClock();
  const opened: { near: LinkStream; handler: LinkStream["handler"]; resets: string[] }[] = [];
  const asking = new Asking({
    clock,
    site: () => "a",
    isKnown: () => true,
    nextHop: () =>
      ({
        open: (_open: unknown, handler: LinkStream["handler"]) => {
          const { near, resets } = streams();
          opened.push({ near, handler, resets });
          return near;
        },
      }) as never,
  });
  const answers = Array.from({ length: 17 }, () => asking.ask("c", "/v1/observe"));
  expect(await answers[16]).toMatchObject({ status: 503 });
  expect(opened).toHaveLength(16);
  const whole = writeAnswer({ status: 200, body: '{"é":1}' });
  const at = (n: number): LinkStream["handler"] => (opened[n] as (typeof opened)[0]).handler;
  at(0).onData(whole.subarray(0, 3));
  at(0).onData(whole.subarray(3));
  at(0).onFin();
  at(1).onData(whole.subarray(0, -1));
  at(1).onFin();
  at(2).onData(whole.subarray(0, 5));
  at(2).onReset("LINK_LOST", "gone");
  at(3).onReset("REFUSED", "");
  at(4).onReset("OVERLOAD", "");
  at(5).onData(new Uint8Array(MAX_ANSWER_BYTES + 100));
  at(6).onData(Buffer.from("hello"));
  at(6).onFin();
  clock.advance(5000);
  const all = await Promise.all(answers);
  expect(all.map(({ status }) => status)).toEqual([
    200,
    502,
    502,
    502,
    503,
    502,
    502,
    ...Array<number>(9).fill(504),
    503,
  ]);
  expect(all[0]?.body).toBe('{"é":1}');
  expect(opened[5]?.resets.at(-1)).toBe("near OVERLOAD");
  expect(opened[7]?.resets.at(-1)).toBe("near TIMEOUT");
  const leaving = new AbortController();
  const left = asking.ask("c", "/v1/observe", leaving.signal);
  leaving.abort();
  expect((await left).status).toBe(499);
  expect(asking.counts).toEqual({ answered: 1, refused: 2, unreachable: 1, broken: 4, timeout: 9, left: 1 });
});

test("a site's routers are named in the state, and one that is gone is not", async () => {
  using rig = new Rig();
  const network = await TestNetwork.create();
  const hub = rig.router({
    site: { id: "hub", name: "hub" },
    identity: await network.identity("hub"),
    accept,
  });
  const config = {
    site: { id: "far", name: "far" },
    identity: await network.identity("far"),
    links: [linkTo(hub)],
  };
  const [first, second] = ["r-0", "r-1"].map((hostname) => rig.router(config, { hostname }));
  await eventually(() => routersOf(hub)?.length === 2 && routersOf(first)?.length === 2);
  expect(routersOf(hub)).toEqual(["r-0", "r-1"]);
  second?.stop();
  await eventually(() => routersOf(hub)?.length === 1 && routersOf(first)?.length === 1);
  expect(routersOf(first)).toEqual(["r-0"]);
});
