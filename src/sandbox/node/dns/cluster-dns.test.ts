import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, type AskOptions, type Read, readAnswer } from "#dns/testing/client.ts";
import { addressPlan } from "../services/addresses.ts";
import { echoService, TestCluster } from "../testing.ts";
import type { Service } from "../types.ts";
import { DnsListener } from "./dns-listener.ts";

const INDEX = 211;
const TYPE = { A: 1, NS: 2, SOA: 6, TXT: 16, AAAA: 28, SRV: 33 } as const;
const { dns: ADDRESS } = addressPlan(INDEX);

/** Whether port 53 can be had here. */
function canListen(): boolean {
  try {
    Bun.listen({ hostname: ADDRESS, port: 53, socket: { data: () => undefined } }).stop(true);
    return true;
  } catch (error) {
    process.stderr.write(`notice: no cluster DNS in tests here: ${String(error)}\n`);
    return false;
  }
}

async function exchange(query: Uint8Array, transport: "udp" | "tcp" = "udp"): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const timer = setTimeout(() => reject(new Error("no answer")), 10_000);
  if (transport === "udp") {
    const socket = await Bun.udpSocket({
      connect: { hostname: ADDRESS, port: 53 },
      binaryType: "uint8array",
      socket: { data: (_socket, bytes) => resolve(Uint8Array.from(bytes)) },
    });
    socket.send(query);
    return promise.finally(() => {
      clearTimeout(timer);
      socket.close();
    });
  }
  let come = Buffer.alloc(0);
  const socket = await Bun.connect({
    hostname: ADDRESS,
    port: 53,
    socket: {
      data(_socket, chunk) {
        come = Buffer.concat([come, chunk]);
        if (come.length > 2 && come.length >= 2 + come.readUInt16BE(0)) resolve(come.subarray(2));
      },
    },
  });
  socket.write(Buffer.concat([Uint8Array.of(query.length >> 8, query.length & 255), query]));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.terminate();
  });
}

async function lookUp(name: string, type: keyof typeof TYPE = "A", options: AskOptions = {}): Promise<Read> {
  return readAnswer(await exchange(ask({ name, type: TYPE[type] }, options), options.transport));
}

const nameOf = (service: string): string => `${service}.default.svc.cluster.local`;
const data = ({ answers }: Read): string[] => answers.map((record) => record.data).toSorted();

/** A DNS server whose answers the test makes. */
class Elsewhere implements Disposable {
  readonly asked: { readonly bytes: Uint8Array; readonly transport: string }[] = [];
  readonly #listener: DnsListener;

  static async open(answer: (query: Uint8Array, transport: "udp" | "tcp") => Uint8Array | undefined) {
    const server = new Elsewhere(answer);
    await server.#listener.listenUdp();
    return server;
  }

  private constructor(answer: (query: Uint8Array, transport: "udp" | "tcp") => Uint8Array | undefined) {
    this.#listener = new DnsListener({
      hostname: "127.0.0.1",
      port: 0,
      answer: (bytes, transport) => {
        this.asked.push({ bytes: Uint8Array.from(bytes), transport });
        return answer(bytes, transport);
      },
    });
  }

  get address(): string {
    return `127.0.0.1:${this.#listener.port}`;
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }
}

/** An answer of so many A records 9.9.9.n, or one that says it is truncated. */
function addresses(query: Uint8Array, { count = 1, truncated = false } = {}): Uint8Array {
  const end = 12 + query.subarray(12).indexOf(0) + 5;
  const head = query.slice(0, end);
  head[2] = 0x84 | (truncated ? 2 : 0);
  head.set([0, 1, 0, truncated ? 0 : count, 0, 0, 0, 0], 4);
  const records = Array.from({ length: truncated ? 0 : count }, (_, n) => [
    0xc0,
    12,
    0,
    1,
    0,
    1,
    0,
    0,
    0,
    5,
    0,
    4,
    9,
    9,
    9,
    n + 1,
  ]);
  return Uint8Array.from([...head, ...records.flat()]);
}

describe.skipIf(!canListen())("a cluster's DNS", () => {
  let cluster: TestCluster;
  beforeAll(() => {
    cluster = new TestCluster(INDEX);
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  const headless = (name: string): void => {
    cluster.apply("services", {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default" },
      spec: { clusterIP: "None", ports: [{ name: "http", port: 80, targetPort: 8080 }] },
    });
  };
  const slice = (name: string, endpoints: object[]): void => {
    cluster.apply("endpointslices.discovery.k8s.io", {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name, namespace: "default", labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      endpoints,
      ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    });
  };
  const corefile = (text: string): void => {
    const change = (draft: object) => ({ ...draft, data: { Corefile: text } }) as never;
    cluster.api.mutate("configmaps", "kube-system", "coredns", change);
  };
  const stub = (zone: string, ...servers: string[]): void =>
    corefile(
      `.:53 {\n  forward . /nowhere/resolv.conf\n}\n${zone}:53 {\n  forward . ${servers.join(" ")}\n}\n`,
    );

  test("is where Service kube-dns is, with a Corefile as clusters have it", async () => {
    const service = cluster.api.get("services", "kube-system", "kube-dns") as Service;
    expect(service.spec.clusterIP).toBe(ADDRESS);
    expect(data(await lookUp("kube-dns.kube-system.svc.cluster.local"))).toEqual([ADDRESS]);
    const config = cluster.api.get("configmaps", "kube-system", "coredns");
    expect(JSON.stringify(config?.["data"])).toContain("forward . /etc/resolv.conf");
    expect(data(await lookUp("dns-version.cluster.local", "TXT"))).toEqual(["1.1.0"]);
  });

  test("answers A and SRV of a Service, over UDP and TCP, whoever is behind it", async () => {
    const ports = [
      { name: "http", port: 8080 },
      { name: "dns", port: 53, protocol: "UDP" },
    ];
    cluster.apply("services", echoService("web", { ports }));
    const { clusterIP = "" } = (cluster.api.get("services", "default", "web") as Service).spec;
    const name = "web.default.svc.cluster.local";
    for (const transport of ["udp", "tcp"] as const) {
      const read = await lookUp(name, "A", { transport });
      expect({ rcode: read.rcode, aa: read.aa, data: data(read) }).toEqual({
        rcode: 0,
        aa: true,
        data: [clusterIP],
      });
    }
    expect(data(await lookUp(`_http._tcp.${name}`, "SRV"))).toEqual([`0 100 8080 ${name}`]);
    expect(data(await lookUp(`_dns._udp.${name}`, "SRV"))).toEqual([`0 100 53 ${name}`]);
    expect(data(await lookUp(name, "SRV", { payload: 1232 })).length).toBe(2);
    cluster.api.delete("services", "default", "web");
    expect((await lookUp(name)).rcode).toBe(3);
  });

  test("tells a name that is not there from one without that type, both with an SOA", async () => {
    const none = await lookUp("nobody.default.svc.cluster.local");
    const noData = await lookUp("kubernetes.default.svc.cluster.local", "AAAA");
    const between = await lookUp("svc.cluster.local");
    expect([none.rcode, noData.rcode, between.rcode]).toEqual([3, 0, 0]);
    for (const read of [none, noData, between]) {
      expect(read.answers).toEqual([]);
      expect(read.authorities.map(({ name, type }) => ({ name, type }))).toEqual([
        { name: "cluster.local", type: TYPE.SOA },
      ]);
    }
  });

  test("answers the ready endpoints of a headless Service, and each by its hostname or dashed address", async () => {
    headless("db");
    const name = "db.default.svc.cluster.local";
    expect((await lookUp(name)).rcode).toBe(3);
    slice("db", [
      { addresses: ["10.1.0.1"], conditions: { ready: true }, hostname: "db-0" },
      { addresses: ["10.1.0.2"], conditions: {} },
      { addresses: ["10.1.0.3"], conditions: { ready: false }, hostname: "db-2" },
    ]);
    expect(data(await lookUp(name))).toEqual(["10.1.0.1", "10.1.0.2"]);
    expect(data(await lookUp(`db-0.${name}`))).toEqual(["10.1.0.1"]);
    expect(data(await lookUp(`10-1-0-2.${name}`))).toEqual(["10.1.0.2"]);
    expect((await lookUp(`db-2.${name}`)).rcode).toBe(3);
    expect(data(await lookUp(`_http._tcp.${name}`, "SRV", { payload: 1232 }))).toEqual([
      `0 50 8080 10-1-0-2.${name}`,
      `0 50 8080 db-0.${name}`,
    ]);
  });

  test("gives a client all that it has room for, and the rest over TCP", async () => {
    headless("many");
    const all = Array.from({ length: 100 }, (_, n) => `10.2.0.${n + 1}`);
    slice(
      "many",
      all.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    );
    const name = "many.default.svc.cluster.local";
    const cut = await lookUp(name);
    expect({ tc: cut.tc, records: cut.answers.length }).toEqual({ tc: true, records: 0 });
    expect(data(await lookUp(name, "A", { transport: "tcp" }))).toEqual(all.toSorted());
    headless("some");
    slice(
      "some",
      all.slice(0, 25).map((address) => ({ addresses: [address], conditions: { ready: true } })),
    );
    const whole = await lookUp("some.default.svc.cluster.local");
    expect({ tc: whole.tc, records: whole.answers.length }).toEqual({ tc: false, records: 25 });
  });

  test("asks whom the Corefile names for a zone, from the moment it says so, with ids of its own", async () => {
    using first = await Elsewhere.open((query) => addresses(query));
    using second = await Elsewhere.open((query) => addresses(query, { count: 2 }));
    stub("clusterset.local", first.address);
    const name = "web.default.svc.ClusterSet.local";
    const reads = await Promise.all(Array.from({ length: 20 }, () => lookUp(name, "A", { id: 0x4242 })));
    for (const read of reads)
      expect({ id: read.id, question: read.question, data: data(read) }).toEqual({
        id: 0x4242,
        question: name,
        data: ["9.9.9.1"],
      });
    const ids = new Set(first.asked.map(({ bytes }) => (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)));
    expect(ids.size).toBeGreaterThan(15);

    stub("clusterset.local", second.address);
    expect(data(await lookUp(name))).toEqual(["9.9.9.1", "9.9.9.2"]);
    // The zone's own name is in it; a name that only ends alike is not.
    expect(data(await lookUp("clusterset.local"))).toHaveLength(2);
    expect((await lookUp("notclusterset.local")).rcode).toBe(5);
  });

  test("follows an ExternalName wherever it leads, and not in circles", async () => {
    using server = await Elsewhere.open((query) => addresses(query, { count: 2 }));
    stub("far.test", server.address);
    const external = (name: string, externalName: string): void => {
      const spec = { type: "ExternalName", externalName };
      cluster.apply("services", {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name, namespace: "default" },
        spec,
      });
    };
    external("far", "www.far.test");
    external("near", "kubernetes.default.svc.cluster.local.");
    external("nowhere", "nobody.default.svc.cluster.local");
    external("round", "round.default.svc.cluster.local");
    const far = await lookUp(nameOf("far"));
    expect(far.answers.map((each) => [each.name, each.type])).toEqual([
      [nameOf("far"), 5],
      ["www.far.test", 1],
      ["www.far.test", 1],
    ]);
    expect(far.answers.slice(1).map((each) => each.data)).toEqual(["9.9.9.1", "9.9.9.2"]);
    const { kubernetes } = addressPlan(INDEX);
    const near = await lookUp(nameOf("near"));
    expect([near.rcode, near.answers.at(-1)?.data]).toEqual([0, kubernetes]);
    const noData = await lookUp(nameOf("near"), "AAAA");
    expect([noData.rcode, noData.answers.length]).toEqual([0, 1]);
    expect((await lookUp(nameOf("nowhere"))).rcode).toBe(3);
    expect((await lookUp(nameOf("round"))).rcode).toBe(2);
    cluster.api.delete("services", "default", "far");
    expect((await lookUp(nameOf("far"))).answers).toEqual([]);
  });

  test("keeps the Corefile before when the new one cannot be read, and says so", async () => {
    using server = await Elsewhere.open((query) => addresses(query));
    stub("kept.test", server.address);
    corefile("kept.test {\n  forward . nobody\n}\n");
    expect(data(await lookUp("a.kept.test"))).toEqual(["9.9.9.1"]);
    await cluster.until({ resource: "events", name: "any", namespace: "kube-system" }, () =>
      cluster.api
        .list("events", { namespace: "kube-system" })
        .some(
          (event) => event["reason"] === "InvalidCorefile" && String(event["message"]).includes("line 2"),
        ),
    );
  });

  test("asks again over TCP when an answer was truncated, and passes on what fits the client", async () => {
    using server = await Elsewhere.open((query, transport) =>
      addresses(query, transport === "udp" ? { truncated: true } : { count: 40 }),
    );
    stub("big.test", server.address);
    const whole = await lookUp("a.big.test", "A", { payload: 1232 });
    expect({ tc: whole.tc, records: whole.answers.length }).toEqual({ tc: false, records: 40 });
    const small = await lookUp("a.big.test");
    expect({ tc: small.tc, records: small.answers.length }).toEqual({ tc: true, records: 0 });
    const tcp = await lookUp("a.big.test", "A", { transport: "tcp" });
    expect(tcp.answers.length).toBe(40);
    expect(server.asked.map(({ transport }) => transport)).toEqual(["udp", "tcp", "udp", "tcp", "tcp"]);
  });

  test("goes on to the next server when one is not there, and says SERVFAIL at once when none is", async () => {
    using server = await Elsewhere.open((query) => addresses(query));
    using gone = await Elsewhere.open(() => undefined);
    const nobody = gone.address;
    gone[Symbol.dispose]();
    stub("two.test", nobody, server.address);
    expect(data(await lookUp("a.two.test"))).toEqual(["9.9.9.1"]);
    stub("two.test", nobody);
    const start = performance.now();
    expect((await lookUp("a.two.test")).rcode).toBe(2);
    expect(performance.now() - start).toBeLessThan(2800);
  });

  test("takes no answer for another id or question, and is done before a client gives up", async () => {
    using server = await Elsewhere.open((query) => {
      const answer = addresses(query);
      if (query[13] === 0x61) answer[0] = (answer[0] ?? 0) ^ 1;
      else answer[13] = 0x7a;
      return answer;
    });
    stub("liar.test", server.address);
    const start = performance.now();
    const reads = await Promise.all([lookUp("a.liar.test"), lookUp("b.liar.test")]);
    expect(reads.map(({ rcode }) => rcode)).toEqual([2, 2]);
    expect(performance.now() - start).toBeLessThan(4900);
  });

  test("refuses names of zones that nobody is there for", async () => {
    corefile(".:53 {\n  forward . /nowhere/resolv.conf\n}\n");
    expect((await lookUp("example.com")).rcode).toBe(5);
    corefile("only.test {\n  forward . 127.0.0.1\n}\n");
    expect((await lookUp("example.com")).rcode).toBe(5);
    expect((await lookUp("kubernetes.default.svc.cluster.local")).rcode).toBe(0);
  });
});

test("A cluster whose port 53 is taken says so once, and its Services work as before", async () => {
  const index = 212;
  const { dns } = addressPlan(index);
  let taken: { stop(closeActive?: boolean): void };
  try {
    taken = Bun.listen({ hostname: dns, port: 53, socket: { data: () => undefined } });
  } catch {
    // Not root: it is as good as taken.
    taken = { stop: () => undefined };
  }
  await using cluster = new TestCluster(index);
  await cluster.until({ resource: "events", name: "any", namespace: "kube-system" }, () =>
    cluster.api
      .list("events", { namespace: "kube-system" })
      .some(
        (event) => event["reason"] === "ListenFailed" && String(event["message"]).includes("resolv.conf"),
      ),
  );
  expect(cluster.api.get("services", "default", "kubernetes")).toBeDefined();
  taken.stop(true);
});
