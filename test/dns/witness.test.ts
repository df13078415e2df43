/** An outside reader of the wire: dns-packet writes the queries and reads the answers. */
import { expect, test } from "bun:test";
import { decode, encode, type Packet, RECURSION_DESIRED } from "dns-packet";
import { Responder } from "#dns/responder.ts";
import { wireName } from "#dns/name.ts";
import { testZone } from "#dns/testing/zone.ts";

type Question = NonNullable<Packet["questions"]>[number];

/** Flag AA is not among the package's types, but among what it decodes. */
type Decoded = Packet & { readonly rcode?: string; readonly flag_aa?: boolean; readonly flag_tc?: boolean };

const zone = testZone();
const responder = new Responder({ zone });

function respond(query: Uint8Array, transport: "udp" | "tcp" = "udp"): Decoded | undefined {
  const length = responder.respond(query, query.length, transport);
  return length === 0 ? undefined : decode(Buffer.from(responder.out.subarray(0, length)));
}

/** Data of answers that are text, or lists of texts. */
function textsOf({ answers = [] }: Decoded): string[] {
  return answers.flatMap((answer) => {
    const data: unknown = "data" in answer ? answer.data : undefined;
    if (Array.isArray(data))
      return data.map((part) => (part instanceof Uint8Array ? Buffer.from(part).toString() : ""));
    return typeof data === "string" ? [data] : [];
  });
}

function ask(name: string, type: Question["type"], edns = true): Decoded {
  const opt = { type: "OPT", name: ".", udpPayloadSize: 1232, flags: 0, options: [] } as const;
  const query = encode({
    type: "query",
    id: 7,
    flags: RECURSION_DESIRED,
    questions: [{ name, type }],
    additionals: edns ? [opt as never] : [],
  });
  return respond(query, "tcp") ?? {};
}

test("answers of every type read as they were meant", () => {
  const name = "web.default.svc.clusterset.local";
  expect(ask(name, "A")).toMatchObject({
    id: 7,
    type: "response",
    rcode: "NOERROR",
    flag_aa: true,
    questions: [{ name, type: "A" }],
    answers: [{ name, type: "A", ttl: 5, data: "10.0.0.1" }],
    additionals: [{ type: "OPT", udpPayloadSize: 1232 }],
  });
  expect(ask("six.default.svc.clusterset.local", "AAAA").answers).toMatchObject([{ data: "fd00::1:2" }]);
  expect(ask(`_http._tcp.${name}`, "SRV").answers).toMatchObject([
    { data: { priority: 0, weight: 100, port: 80, target: name } },
  ]);
  expect(textsOf(ask("dns-version.clusterset.local", "TXT"))).toEqual(["1.1.0"]);
  const soa = { mname: "ns.dns.clusterset.local", rname: "hostmaster.clusterset.local", minimum: 5 };
  expect(ask("clusterset.local", "SOA").answers).toMatchObject([{ type: "SOA", data: soa }]);
  expect(ask("clusterset.local", "NS").answers).toMatchObject([{ data: "ns.dns.clusterset.local" }]);
  expect(ask("none.clusterset.local", "A")).toMatchObject({
    rcode: "NXDOMAIN",
    answers: [],
    authorities: [{ name: "clusterset.local", type: "SOA", ttl: 5, data: soa }],
  });
  expect(ask(name, "A", false).additionals).toEqual([]);
});

test("300 ready endpoints: truncated without a record over UDP, all of them over TCP", () => {
  const labels = ["big", "default", "svc"];
  const addresses = Array.from({ length: 300 }, (_, n) => `10.9.${n >> 8}.${n & 255}`);
  zone.set(
    "default/big",
    addresses.map((address) => ({ labels, data: { type: "A", address } })),
  );
  const name = "big.default.svc.clusterset.local";
  const query = encode({ type: "query", id: 1, questions: [{ name, type: "A" }] });
  expect(respond(query)).toMatchObject({ rcode: "NOERROR", flag_tc: true, answers: [] });
  expect(textsOf(respond(query, "tcp") ?? {}).toSorted()).toEqual(addresses.toSorted());
  zone.remove("default/big");
});

test("a name of 255 bytes is looked up, one of 256 and a label of 64 are malformed; the zone takes neither of them", () => {
  const head = Buffer.from("000701000001000000000000", "hex");
  const tail = Buffer.from("00010001", "hex");
  const query = (name: Uint8Array): Buffer => Buffer.concat([head, name, tail]);
  const apex = wireName(["clusterset", "local"]);
  const labelsOf = (...sizes: number[]): Buffer =>
    Buffer.concat([...sizes.map((size) => Buffer.from([size, ...Buffer.alloc(size, 0x78)])), apex]);
  // 18 bytes are the zone's.
  const most = labelsOf(63, 63, 63, 44);
  expect(most.length).toBe(255);
  expect(respond(query(most))?.rcode).toBe("NXDOMAIN");
  const labels = [63, 63, 63, 44].map((size) => "x".repeat(size));
  zone.set("long", [{ labels, data: { type: "A", address: "10.0.0.9" } }]);
  expect(respond(query(most))?.answers).toMatchObject([{ data: "10.0.0.9" }]);
  zone.remove("long");
  for (const name of [labelsOf(63, 63, 63, 45), labelsOf(64)])
    expect(respond(query(name))).toMatchObject({ rcode: "FORMERR", questions: [], answers: [] });
  for (const bad of [["x".repeat(64)], ["x".repeat(63), "x".repeat(63), "x".repeat(63), "x".repeat(45)]])
    expect(() => zone.set("bad", [{ labels: bad, data: { type: "A", address: "10.0.0.9" } }])).toThrow(
      "is no name for DNS",
    );
});
