import { expect, test } from "bun:test";
import { array, assert, constantFrom, property, tuple } from "fast-check";
import { labelsOf, wireName } from "./name.ts";
import { Zone, type ZoneRecord } from "./zone.ts";

const A = (name: string, address: string): ZoneRecord => ({
  labels: labelsOf(name),
  data: { type: "A", address },
});

test("a zone that changed a thousand times holds what it holds, and nothing else", () => {
  const labels = constantFrom("a", "b", "c.a", "d.c.a", "_x._tcp.b");
  assert(
    property(array(tuple(constantFrom("o1", "o2", "o3"), array(labels, { maxLength: 3 }))), (steps) => {
      const made = new Zone({ origin: "z", ttl: 5, now: () => 0 });
      const empty = made.names;
      let serial = made.serial;
      for (const [owner, names] of steps) {
        const own = [...new Set(names)].map((name) => A(`${name}.${owner}`, "10.0.0.1"));
        made.set(owner, own);
        expect(made.serial).toBeGreaterThanOrEqual(serial);
        serial = made.serial;
        for (const { labels: parts } of own) {
          const wire = wireName([...parts, "z"]);
          expect(made.find(wire, 0, wire.length)?.answers.size).toBe(1);
        }
      }
      for (const owner of ["o1", "o2", "o3"]) made.remove(owner);
      expect(made.names).toBe(empty);
    }),
  );
});

test("what cannot be a record changes nothing", () => {
  const zone = new Zone({ origin: "z", ttl: 5, now: () => 0 });
  zone.set("o", [A("a", "10.0.0.1")]);
  const { names, serial } = zone;
  const wire = wireName(["a", "z"]);
  const long = "x".repeat(64);
  for (const wrong of [A("a", "10.0.0"), A("a", "10.0.0.256"), A("a", "fd00::1"), A(long, "10.0.0.1")])
    expect(() => zone.set("o", [A("a", "10.0.0.2"), wrong])).toThrow();
  for (const address of ["10.0.0.1", "fd00::1::2", "fe80::1%lo", "nonsense", ""])
    expect(() => zone.set("o", [{ labels: ["a"], data: { type: "AAAA", address } }])).toThrow();
  expect(zone).toMatchObject({ names, serial });
  expect(zone.find(wire, 0, wire.length)?.answers.get(1)?.variants[0]?.slice(-4)).toEqual(
    Uint8Array.of(10, 0, 0, 1),
  );
});

test("the serial follows the time, and rises with each change within a second too", () => {
  let ms = 1_700_000_000_000;
  const zone = new Zone({ origin: "z", ttl: 5, now: () => ms });
  expect(zone.serial).toBe(1_700_000_000);
  zone.set("o", [A("a", "10.0.0.1")]);
  expect(zone.serial).toBe(1_700_000_001);
  zone.set("o", [A("a", "10.0.0.1")]);
  expect(zone.serial).toBe(1_700_000_001);
  ms += 60_000;
  zone.remove("o");
  expect(zone.serial).toBe(1_700_000_060);
});
