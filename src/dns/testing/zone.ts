import { labelsOf, wireName } from "../name.ts";
import { Zone, type ZoneRecord } from "../zone.ts";

function record(name: string, data: ZoneRecord["data"]): ZoneRecord {
  return { labels: labelsOf(name), data };
}

/**
 * A zone `clusterset.local` for tests: `web` (A, SRV of the port `http`), `six` (AAAA), `both` (A and AAAA), `many` (100 A) and `few`
 * (20 A), all in the namespace `default`, and `dns-version`.
 */
export function testZone(ttl = 5): Zone {
  const zone = new Zone({ origin: "clusterset.local", ttl, now: () => 1_700_000_000_000 });
  const target = wireName(labelsOf("web.default.svc.clusterset.local"));
  const srv = { type: "SRV", priority: 0, weight: 100, port: 80, target } as const;
  zone.set("default/web", [
    record("web.default.svc", { type: "A", address: "10.0.0.1" }),
    record("web.default.svc", srv),
    record("_http._tcp.web.default.svc", srv),
  ]);
  zone.set("default/six", [record("six.default.svc", { type: "AAAA", address: "fd00::1:2" })]);
  zone.set("default/both", [
    record("both.default.svc", { type: "A", address: "10.0.0.2" }),
    record("both.default.svc", { type: "AAAA", address: "fd00::2" }),
  ]);
  for (const [name, count] of [
    ["many", 100],
    ["few", 20],
  ] as const) {
    const addresses = Array.from({ length: count }, (_, n) => `10.1.0.${n}`);
    zone.set(
      `default/${name}`,
      addresses.map((address) => record(`${name}.default.svc`, { type: "A", address })),
    );
  }
  zone.set("version", [record("dns-version", { type: "TXT", texts: ["1.1.0"] })]);
  return zone;
}
