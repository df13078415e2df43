import { beforeAll, expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import type { AdvertisedService, RouterFacts } from "./advertisement.ts";
import { RouterCounters } from "../counters.ts";
import { Flood, type Neighbour } from "./flood.ts";
import { advertisementMessage, readMessage } from "./flood-message.ts";
import { LinkStateDatabase, MAX_ROUTERS_PER_SITE } from "./link-state.ts";
import { AdvertisementSigner, AdvertisementVerifier } from "./signature.ts";
import { TestNetwork } from "../testing/network.ts";

let network: TestNetwork;
let stranger: TestNetwork;
const signers = new Map<string, AdvertisementSigner>();
let foreign: AdvertisementSigner;

beforeAll(async () => {
  network = await TestNetwork.create();
  stranger = await TestNetwork.create("other-net");
  for (const id of ["a", "b", "c"])
    signers.set(id, new AdvertisementSigner(await network.leaf(id, "server")));
  foreign = new AdvertisementSigner(await stranger.leaf("b", "server"));
});

class Node {
  readonly database = new LinkStateDatabase();
  readonly counters = new RouterCounters();
  readonly flood: Flood;
  readonly changes: string[] = [];
  /** Messages it sent, by whom they were for. */
  sent: { to: Node; payload: Uint8Array }[] = [];
  readonly #neighbours = new Map<Node, Neighbour>();

  constructor(site: string, clock = new FakeClock(Date.now())) {
    this.flood = new Flood({
      self: { site, router: "r" },
      database: this.database,
      clock,
      counters: this.counters,
      onChange: ({ entry }) => this.changes.push(entry.key),
    });
    const signer = signers.get(site);
    if (signer === undefined) throw new Error(`No signer for ${site}`);
    this.flood.setTrust({
      signer,
      verifier: new AdvertisementVerifier({ trust: network.root.certificate, network: network.network }),
    });
  }

  neighbour(other: Node): Neighbour {
    let neighbour = this.#neighbours.get(other);
    if (neighbour === undefined) {
      neighbour = { send: (payload) => void this.sent.push({ to: other, payload }) };
      this.#neighbours.set(other, neighbour);
    }
    return neighbour;
  }

  link(other: Node): void {
    this.flood.neighbourUp(this.neighbour(other));
    other.flood.neighbourUp(other.neighbour(this));
  }

  take(from: Node, payload: Uint8Array): void {
    this.flood.receive(this.neighbour(from), payload);
  }

  seq(key: string): number | undefined {
    return this.database.get(key)?.seq;
  }
}

/** Delivers all messages until none is left; returns how many there were. */
function settle(nodes: readonly Node[]): number {
  let count = 0;
  for (let moved = true; moved;) {
    moved = false;
    for (const node of nodes) {
      if (count > 10_000) throw new Error("They talk for ever");
      for (const { to, payload } of node.sent.splice(0)) {
        to.take(node, payload);
        moved = true;
        count++;
      }
    }
  }
  return count;
}

function facts(site: string, services: readonly AdvertisedService[] = [], generation = 0): RouterFacts {
  return {
    site,
    router: "r",
    name: site,
    namespace: "",
    version: "1",
    generation,
    links: [],
    services: new Map(services.map((one) => [one.service, one])),
  };
}

function pods(...ready: boolean[]): AdvertisedService {
  const endpoints = ready.map((each, index) => ({
    id: `p${index}`,
    name: `p${index}`,
    ready: each,
    weight: 1,
  }));
  return { service: "ns/app", ports: [{ port: 80, protocol: "TCP" }], endpoints };
}

test("a new neighbour learns everything, and then changes as deltas", () => {
  const [a, b, c] = [new Node("a"), new Node("b"), new Node("c")];
  a.flood.publish(facts("a", [pods(true, true)]));
  a.link(b);
  settle([a, b, c]);
  b.link(c);
  settle([a, b, c]);
  expect(c.database.get("a/r")?.facts.services.get("ns/app")?.endpoints.length).toBe(2);
  a.flood.publish(facts("a", [pods(true, false, true)]));
  expect(a.sent.length).toBe(1);
  expect(Buffer.from(a.sent[0]?.payload ?? []).toString()).toContain('"kind":"delta"');
  settle([a, b, c]);
  expect(
    c.database
      .get("a/r")
      ?.facts.services.get("ns/app")
      ?.endpoints.map(({ ready }) => ready),
  ).toEqual([true, false, true]);
  a.flood.publish(facts("a", []));
  settle([a, b, c]);
  expect(c.database.get("a/r")?.facts.services.size).toBe(0);
});

test("what did not change is not sent", () => {
  const [a, b] = [new Node("a"), new Node("b")];
  a.link(b);
  a.flood.publish(facts("a", [pods(true)]));
  settle([a, b]);
  a.flood.publish(facts("a", [pods(true)]));
  expect(a.sent.length).toBe(0);
});

test("deltas are folded into a full advertisement before they outgrow it", () => {
  const [a, b] = [new Node("a"), new Node("b")];
  a.link(b);
  for (let n = 0; n < 200; n++) {
    a.flood.publish(facts("a", [pods(n % 2 === 0)]));
    settle([a, b]);
  }
  expect(b.seq("a/r")).toBe(a.seq("a/r") as number);
  expect(b.database.get("a/r")?.messages.length).toBeLessThan(40);
});

test("stale advertisements are refused, and the sender is told what is newer", () => {
  const [a, b] = [new Node("a"), new Node("b")];
  a.flood.publish(facts("a", [pods(true)]));
  const old = a.database.get("a/r")?.messages[0] as Uint8Array;
  a.link(b);
  settle([a, b]);
  a.flood.publish(facts("a", [pods(false)]));
  settle([a, b]);
  b.take(a, old);
  expect(b.counters.advertisementsStale).toBe(1);
  expect(readMessage(b.sent[0]?.payload ?? new Uint8Array())?.type).toBe("digest");
  expect(b.database.get("a/r")?.facts.services.get("ns/app")?.endpoints[0]?.ready).toBe(false);
});

test("nobody speaks for another site, and nothing that was changed on the way is believed", () => {
  const [a, b] = [new Node("a"), new Node("b")];
  const origin = ["b", "r", 9e12, 1] as const;
  const body = Buffer.from(
    JSON.stringify({
      kind: "full",
      site: "b",
      router: "r",
      epoch: 9e12,
      seq: 1,
      name: "b",
      namespace: "",
      version: "1",
      generation: 0,
      links: [],
      services: [],
    }),
  );
  const [own, other] = [signers.get("b"), signers.get("c")];
  if (own === undefined || other === undefined) throw new Error("No signers");
  const forgeries = [
    // signed by another site of the network, with its own certificate
    advertisementMessage(body, { origin, signature: other.sign(body), certificate: other.certificate }),
    // signed by another site, with the right certificate
    advertisementMessage(body, { origin, signature: other.sign(body), certificate: own.certificate }),
    // by a site of the same name of another network
    advertisementMessage(body, { origin, signature: foreign.sign(body), certificate: foreign.certificate }),
    // no certificate, no signature
    advertisementMessage(body, { origin, signature: own.sign(body), certificate: undefined }),
    advertisementMessage(body, { origin, signature: "", certificate: own.certificate }),
    // changed by a relay
    advertisementMessage(Buffer.from(body.toString().replace('"version":"1"', '"version":"2"')), {
      origin,
      signature: own.sign(body),
      certificate: own.certificate,
    }),
  ];
  for (const forgery of forgeries) a.take(b, forgery);
  expect(a.counters.advertisementsForged).toBe(forgeries.length);
  expect(a.database.get("b/r")).toBeUndefined();
  expect(a.sent).toEqual([]);
  const signed = { signature: own.sign(body), certificate: own.certificate };
  // What a relay wrote on the outside is not what is inside.
  a.take(b, advertisementMessage(body, { origin: ["c", "r", 9e12, 1], ...signed }));
  expect(a.counters.advertisementsMalformed).toBe(1);
  a.take(b, advertisementMessage(body, { origin, ...signed }));
  expect(a.database.get("b/r")?.seq).toBe(1);
});

test("what nobody can believe does not go in circles", async () => {
  const [a, b] = [new Node("a"), new Node("b")];
  const trust = (await TestNetwork.create()).root.certificate;
  b.flood.setTrust({
    signer: signers.get("b") as AdvertisementSigner,
    verifier: new AdvertisementVerifier({ trust, network: network.network }),
  });
  a.link(b);
  a.flood.publish(facts("a", [pods(true)]));
  settle([a, b]);
  a.flood.publish(facts("a", [pods(false)]));
  expect(settle([a, b])).toBeLessThan(10);
  expect(b.database.get("a/r")).toBeUndefined();
});

test("a lost delta is asked for", () => {
  const [a, b] = [new Node("a"), new Node("b")];
  a.link(b);
  a.flood.publish(facts("a", [pods(true)]));
  settle([a, b]);
  a.flood.publish(facts("a", [pods(false)]));
  a.sent = [];
  a.flood.publish(facts("a", [pods(false, true)]));
  settle([a, b]);
  expect(b.seq("a/r")).toBe(3);
  expect(b.database.get("a/r")?.facts.services.get("ns/app")?.endpoints.length).toBe(2);
});

test("a router that starts again with an earlier clock outlives its former self", () => {
  const [b, c] = [new Node("b"), new Node("c")];
  const before = new Node("a", new FakeClock(Date.now() + 86_400_000));
  before.flood.publish(facts("a", [pods(true)]));
  before.link(b);
  b.link(c);
  settle([before, b, c]);
  b.flood.neighbourDown(b.neighbour(before));
  const after = new Node("a", new FakeClock(Date.now()));
  after.flood.publish(facts("a", [pods(false)]));
  after.link(b);
  settle([after, b, c]);
  expect(c.database.get("a/r")?.facts.services.get("ns/app")?.endpoints[0]?.ready).toBe(false);
});

test("junk is counted and dropped; a site has a bounded number of routers", () => {
  const [a, b] = [new Node("a"), new Node("b")];
  for (const junk of [
    "",
    "{",
    "null",
    '{"type":"digest"}',
    '{"type":"advertisement","signature":"x"}\n{}',
    "\n\n",
    "[]",
  ]) {
    a.take(b, Buffer.from(junk));
  }
  expect(a.counters.advertisementsMalformed).toBe(7);
  const signer = signers.get("b") as AdvertisementSigner;
  for (let n = 0; n < MAX_ROUTERS_PER_SITE + 10; n++) {
    const body = Buffer.from(
      JSON.stringify({
        kind: "full",
        site: "b",
        router: `r${n}`,
        epoch: 1,
        seq: 1,
        name: "",
        namespace: "",
        version: "",
        generation: 0,
        links: [],
        services: [],
      }),
    );
    const origin = ["b", `r${n}`, 1, 1] as const;
    a.take(
      b,
      advertisementMessage(body, { origin, signature: signer.sign(body), certificate: signer.certificate }),
    );
  }
  expect(a.database.size).toBe(MAX_ROUTERS_PER_SITE);
});

test("neighbours that compare find what was lost", () => {
  const clock = new FakeClock(Date.now());
  const [a, b] = [new Node("a", clock), new Node("b", clock)];
  a.link(b);
  settle([a, b]);
  a.flood.publish(facts("a", [pods(true)]));
  a.sent = [];
  clock.advance(31_000);
  settle([a, b]);
  expect(b.seq("a/r")).toBe(1);
});
