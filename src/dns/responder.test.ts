import { expect, test } from "bun:test";
import { TYPE } from "./constants.ts";
import { Responder } from "./responder.ts";
import { ask, readAnswer, type Read } from "./testing/client.ts";
import { testZone } from "./testing/zone.ts";

const responder = new Responder({ zone: testZone() });

function query(name: string, type: keyof typeof TYPE, options: Parameters<typeof ask>[1] = {}): Read {
  const bytes = ask({ name, type: TYPE[type] }, options);
  const length = responder.respond(bytes, bytes.length, options.transport ?? "udp");
  return readAnswer(responder.out.subarray(0, length));
}

test("a name that is there is answered with authority, in the letters it was asked in", () => {
  const read = query("wEb.Default.SVC.clusterset.LOCAL", "A");
  expect(read).toMatchObject({ rcode: 0, aa: true, tc: false, question: "wEb.Default.SVC.clusterset.LOCAL" });
  expect(read.answers).toEqual([
    { name: "wEb.Default.SVC.clusterset.LOCAL", type: 1, ttl: 5, data: "10.0.0.1" },
  ]);
});

test("SRV, AAAA and TXT say what they hold", () => {
  expect(query("_http._tcp.web.default.svc.clusterset.local", "SRV").answers[0]?.data).toBe(
    "0 100 80 web.default.svc.clusterset.local",
  );
  expect(query("six.default.svc.clusterset.local", "AAAA").answers[0]?.data).toBe("fd00:0:0:0:0:0:1:2");
  expect(query("dns-version.clusterset.local", "TXT").answers[0]?.data).toBe("1.1.0");
  expect(query("clusterset.local", "NS").answers[0]?.data).toBe("ns.dns.clusterset.local");
});

test.each([
  ["a type that the name has not: no data", "web.default.svc.clusterset.local", "AAAA", 0],
  ["a name on the way to others: no data", "default.svc.clusterset.local", "A", 0],
  ["_tcp of a service: no data", "_tcp.web.default.svc.clusterset.local", "SRV", 0],
  ["no such service: no such name", "none.default.svc.clusterset.local", "A", 3],
  ["no such namespace: no such name", "web.none.svc.clusterset.local", "A", 3],
  ["a name beside the zone's: no such name", "xclusterset.clusterset.local", "A", 3],
] as const)("%s, with the SOA", (_what, name, type, rcode) => {
  const read = query(name, type);
  expect(read).toMatchObject({ rcode, aa: true, answers: [] });
  expect(read.authorities).toHaveLength(1);
  expect(read.authorities[0]).toMatchObject({ name: "clusterset.local", type: TYPE.SOA, ttl: 5 });
  expect(read.authorities[0]?.data).toEndWith(" 7200 1800 86400 5");
});

test.each(["cluster.local", "local", "xclusterset.local", "example.com", ""])("%j is refused", (name) => {
  expect(query(name, "A")).toMatchObject({ rcode: 5, aa: false, answers: [], authorities: [] });
});

test("transfers are refused, ANY has one set, other classes are refused", () => {
  expect(query("clusterset.local", "AXFR").rcode).toBe(5);
  expect(query("clusterset.local", "ANY").answers).toHaveLength(1);
  expect(query("web.default.svc.clusterset.local", "A", { class: 3 }).rcode).toBe(5);
});

test("what does not fit over UDP is left out as a whole; TCP has it", () => {
  const udp = query("many.default.svc.clusterset.local", "A", { payload: 4096 });
  expect(udp).toMatchObject({ tc: true, answers: [], edns: { payload: 1232, version: 0 } });
  expect(query("many.default.svc.clusterset.local", "A", { transport: "tcp" }).answers).toHaveLength(100);
});

test("a set is turned, so that those who take the first are spread", () => {
  const firsts = new Set(
    Array.from(
      { length: 8 },
      () => query("many.default.svc.clusterset.local", "A", { transport: "tcp" }).answers[0]?.data,
    ),
  );
  expect(firsts.size).toBe(8);
});

test("EDNS: versions to come are BADVERS, two OPT or a broken one FORMERR", () => {
  const name = "web.default.svc.clusterset.local";
  expect(query(name, "A", { payload: 1232, version: 1 })).toMatchObject({ rcode: 16, edns: { version: 0 } });
  expect(query(name, "A", { payload: 1232, opts: 2 }).rcode).toBe(1);
});

test("an unknown operation is NOTIMP, two questions are FORMERR, an answer gets none", () => {
  const bytes = ask({ name: "web.default.svc.clusterset.local", type: TYPE.A });
  const answerOf = (change: (copy: Uint8Array) => void): Read | undefined => {
    const copy = bytes.slice();
    change(copy);
    const length = responder.respond(copy, copy.length, "udp");
    return length === 0 ? undefined : readAnswer(responder.out.subarray(0, length));
  };
  expect(answerOf((copy) => (copy[2] = 0x28))?.rcode).toBe(4);
  expect(answerOf((copy) => (copy[5] = 2))?.rcode).toBe(1);
  expect(answerOf((copy) => (copy[2] = 0x80))).toBeUndefined();
  expect(responder.respond(bytes, 11, "udp")).toBe(0);
});

test("before its data is there, a server says that it failed and not that there is no name", () => {
  const waiting = new Responder({ zone: testZone(), ready: () => false });
  const bytes = ask({ name: "web.default.svc.clusterset.local", type: TYPE.A });
  expect(readAnswer(waiting.out.subarray(0, waiting.respond(bytes, bytes.length, "udp"))).rcode).toBe(2);
});
