import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { seededRandom, type Random } from "#core/random.ts";
import { ServiceStats } from "../counters.ts";
import type { Dialer, Upstream } from "../dial.ts";
import { Flow } from "../flow/flow.ts";
import type { HttpContext } from "../http/context.ts";
import { FlowLog } from "../observe/flow-log.ts";
import { HttpCounters } from "../http/counters.ts";
import type { Route } from "../flow/opening.ts";
import { ServiceTable } from "../service-table.ts";
import type { SocketEnd } from "../flow/socket-end.ts";
import { SERVICE, service } from "../testing/routers.ts";
import { Http1Connection } from "./connection.ts";
import { Http1Pools } from "./pools.ts";
import { SlowEnd } from "./testing/slow-end.ts";

const SEEDS = 150;

type Framing = "length" | "chunked" | "close" | "none";

/** A message's body in some framing, and what must arrive of it. */
interface Body {
  readonly framing: Framing;
  readonly text: string;
  readonly headers: string;
  readonly wire: string;
}

function body(random: Random, framings: readonly Framing[]): Body {
  const framing = framings[random.below(framings.length)] ?? "none";
  if (framing === "none") return { framing, text: "", headers: "Content-Length: 0\r\n", wire: "" };
  const length = 1 + random.below(random.below(8) === 0 ? 70_000 : 200);
  const text = Array.from({ length }, () => String.fromCharCode(97 + random.below(26))).join("");
  if (framing === "length") return { framing, text, headers: `Content-Length: ${length}\r\n`, wire: text };
  if (framing === "close") return { framing, text, headers: "", wire: text };
  let wire = "";
  for (let at = 0; at < length;) {
    const size = 1 + random.below(Math.min(length - at, 20_000));
    wire += `${size.toString(16)}\r\n${text.slice(at, at + size)}\r\n`;
    at += size;
  }
  return { framing, text, headers: "Transfer-Encoding: chunked\r\n", wire: `${wire}0\r\n\r\n` };
}

/** Cuts a text into chunks of random length, each fresh memory. */
function pieces(random: Random, text: string): Uint8Array[] {
  const cut: Uint8Array[] = [];
  for (let at = 0; at < text.length;) {
    const size = 1 + random.below(random.below(3) === 0 ? 5 : text.length);
    cut.push(new Uint8Array(Buffer.from(text.slice(at, at + size), "latin1")));
    at += size;
  }
  return cut;
}

/** Body of the first message in `text`, and where it ends; undefined while it is not whole. */
function decode(text: string): { readonly body: string; readonly end: number } | undefined {
  const head = text.indexOf("\r\n\r\n") + 4;
  if (head < 4) return undefined;
  const lines = text.slice(0, head);
  if (!/^transfer-encoding: chunked/im.test(lines)) {
    const end = head + Number(/^content-length: (\d+)/im.exec(lines)?.[1] ?? 0);
    return text.length < end ? undefined : { body: text.slice(head, end), end };
  }
  let decoded = "";
  for (let at = head; ;) {
    const line = text.indexOf("\r\n", at);
    if (line < 0) return undefined;
    const size = Number.parseInt(text.slice(at, line), 16);
    at = line + 2;
    if (text.length < at + size + 2) return undefined;
    decoded += text.slice(at, at + size);
    at += size + 2;
    if (size === 0) return { body: decoded, end: at };
  }
}

/** An engine between a client and pods that all take what they are given in random parts. */
class Bench {
  readonly client: SlowEnd;
  readonly upstreams: { readonly upstream: Upstream; readonly end: SlowEnd }[] = [];
  readonly connection: Http1Connection;
  readonly counters = new HttpCounters();
  readonly clock = new FakeClock();

  constructor(random: Random) {
    const { clock, counters } = this;
    const services = new ServiceTable("near", { offering: () => [], sites: new Map() }, { clock, random });
    services.configure({ site: { id: "near", name: "near" }, services: [service([{ port: 1 }])] });
    const route: Route = {
      service: SERVICE,
      port: 8080,
      balancer: services.balancer(SERVICE, { port: 8080, http: true }),
      stats: new ServiceStats(SERVICE, 8080),
      policy: services.connectPolicy(SERVICE),
    };
    const dial = (upstream: Upstream): void => {
      const end = new SlowEnd(random);
      end.peer = upstream;
      this.upstreams.push({ upstream, end });
      upstream.onOpen(end as unknown as SocketEnd);
    };
    const context: HttpContext = {
      clock,
      random,
      counters,
      flows: new FlowLog({ clock, random }),
      dialer: { dial } as unknown as Dialer,
      via: undefined,
    };
    this.client = new SlowEnd(random);
    const client = this.client as unknown as SocketEnd;
    const flow = new Flow({
      kind: "client",
      service: SERVICE,
      port: 8080,
      client: "127.0.0.1:1",
      idleMs: 1,
      startedMs: 0,
    });
    this.connection = new Http1Connection({
      client,
      flow,
      routes: { only: route, find: () => undefined },
      context,
      facts: { address: "127.0.0.1", port: 1, scheme: "http" },
      pools: new Http1Pools({ context }),
    });
    this.connection.start();
  }
}

function run(seed: number): void {
  const random = seededRandom(seed);
  const bench = new Bench(random);
  const { client, connection } = bench;
  const exchanges = Array.from({ length: 1 + random.below(4) }, () => ({
    request: body(random, ["none", "length", "chunked"]),
    answer: body(random, ["none", "length", "chunked", "close"]),
  }));
  const requests = exchanges.map(
    ({ request }) => `PUT /x HTTP/1.1\r\nHost: a\r\n${request.headers}\r\n${request.wire}`,
  );
  const up = pieces(random, requests.join(""));
  const read = new Map<SlowEnd, number>();
  let clientText = "";
  for (const { request, answer } of exchanges) {
    // The client sends as long as it is not paused, and everybody takes a little now and then.
    let arrived: ReturnType<typeof decode>;
    let pod: (typeof bench.upstreams)[number] | undefined;
    let seen = -1;
    for (let turn = 0; arrived === undefined; turn++) {
      if (turn > 100_000) throw new Error(`Seed ${seed}: the request does not arrive`);
      if (client.owed === 0 && up.length > 0) connection.deliver(up.shift() as Uint8Array);
      else {
        client.drain();
        pod?.end.drain();
      }
      pod = bench.upstreams.find(({ end }) => !end.closed && !end.fin);
      const parts = pod?.end.sent.length ?? 0;
      if (pod === undefined || parts === seen) continue;
      seen = parts;
      arrived = decode(pod.end.text.slice(read.get(pod.end)));
    }
    expect(arrived.body).toBe(request.text);
    const { upstream, end } = pod as NonNullable<typeof pod>;
    read.set(end, (read.get(end) ?? 0) + arrived.end);
    while (end.held > 0) end.drain();
    const wire = `HTTP/1.1 200 OK\r\n${answer.headers}\r\n${answer.wire}`;
    const down = pieces(random, random.below(3) === 0 ? `HTTP/1.1 103 Early\r\nX: y\r\n\r\n${wire}` : wire);
    let given = 0;
    let returned = 0;
    const toldBefore = end.told;
    for (const chunk of down) {
      given += chunk.length;
      returned += upstream.deliver(chunk);
      expect(returned + end.told - toldBefore).toBeLessThanOrEqual(given);
      if (random.below(2) === 0) client.drain();
    }
    if (answer.framing === "close") upstream.deliverFin();
    while (client.held > 0) client.drain();
    // Credit went back for every byte, and for none twice.
    expect(returned + end.told - toldBefore).toBe(given);
    clientText = client.text.replaceAll(/HTTP\/1.1 103 Early\r\nX: y\r\n\r\n/g, "");
    expect(end.fin).toBe(answer.framing === "close");
  }
  let at = 0;
  for (const { answer } of exchanges) {
    const decoded = decode(clientText.slice(at));
    expect(decoded?.body).toBe(answer.text);
    at += decoded?.end ?? 0;
  }
  expect(at).toBe(clientText.length);
  expect(client.reset || client.fin).toBe(false);
  expect(bench.counters.refused.size).toBe(0);
}

test("any framing in any pieces, with readers of any pace: every byte arrives, and is accounted for once", () => {
  for (let seed = 1; seed <= SEEDS; seed++) run(seed);
});
