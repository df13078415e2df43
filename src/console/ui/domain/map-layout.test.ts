import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { type MapInput, type MapSize, pathOf, planMap, pointsAlong } from "./map-layout.ts";

const size: MapSize = {
  cardWidth: 200,
  cardHeight: 100,
  columnGap: 240,
  minColumnGap: 160,
  rowGap: 60,
  rows: 6,
};

function network(names: string, links: readonly string[]): MapInput {
  return {
    sites: names.split("").map((name, index) => ({ id: `id-${name}`, name, self: index === 0 })),
    links: links.map((link) => ({ id: link, from: `id-${link[0]}`, to: `id-${link[1]}` })),
    width: 1000,
  };
}

test("the observer's site is first, its neighbours beside it, in the order of their names", () => {
  const plan = planMap(network("acb", ["ca", "ba"]), size);
  const at = (name: string) => plan.sites.get(`id-${name}`);
  expect(at("a")).toMatchObject({ x: 180, y: 80 });
  expect(at("b")).toMatchObject({ x: 620, y: 0 });
  expect(at("c")).toMatchObject({ x: 620, y: 160 });
  expect(plan.height).toBe(260);
});

test("the plan does not depend on the order in which sites and links are told", () => {
  const a = network("abcde", ["ab", "bc", "ca", "de", "ad"]);
  const b = { ...a, sites: a.sites.toReversed(), links: a.links.toReversed() };
  const sorted = (input: MapInput) =>
    [...planMap(input, size).sites].toSorted(([x], [y]) => x.localeCompare(y));
  expect(sorted(b)).toEqual(sorted(a));
  expect(planMap(b, size).links).toEqual(planMap(a, size).links);
});

test("links of one card leave it at different heights, and do not cross", () => {
  const plan = planMap(network("abc", ["ab", "ac"]), size);
  expect(plan.links.get("ab")?.curve[0]).toEqual({ x: 380, y: 80 + 100 / 3 });
  expect(plan.links.get("ac")?.curve[0]).toEqual({ x: 380, y: 80 + 200 / 3 });
  expect(plan.links.get("ab")?.towards).toBe("right");
});

test("a link between neighbours of one column is upright", () => {
  const plan = planMap(network("abc", ["ab", "ac", "cb"]), size);
  const link = plan.links.get("cb");
  expect(link).toMatchObject({ label: { x: 720, y: 130 }, towards: "up" });
  expect(link && pathOf(link.curve)).toBe("M720 160C720 160 720 100 720 100");
});

test("a site that no link leads to still has its place", () => {
  const plan = planMap(network("abz", ["ab"]), size);
  expect(plan.sites.get("id-z")?.x).toBeGreaterThan(plan.sites.get("id-b")?.x ?? Infinity);
});

test("points along a curve begin and end where it does", () => {
  const curve = [
    { x: 0, y: 0 },
    { x: 10, y: 0 },
    { x: 10, y: 20 },
    { x: 20, y: 20 },
  ] as const;
  expect(pointsAlong(curve, 3)).toEqual([
    { x: 0, y: 0 },
    { x: 10, y: 10 },
    { x: 20, y: 20 },
  ]);
});

test("no two cards overlap, every link has a path, and nothing is outside, whatever the network", () => {
  const anyNetwork = fc.integer({ min: 1, max: 14 }).chain((count) =>
    fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 30 }).map((links): MapInput => ({
      sites: Array.from({ length: count }, (_, index) => ({
        id: `s${index}`,
        name: `n${index}`,
        self: index === 0,
      })),
      links: links.map(([from, to], index) => ({ id: `l${index}`, from: `s${from}`, to: `s${to}` })),
      width: 900,
    })),
  );
  fc.assert(
    fc.property(anyNetwork, (input) => {
      const plan = planMap(input, size);
      const cards = [...plan.sites.values()];
      expect(cards).toHaveLength(input.sites.length);
      for (const [index, a] of cards.entries()) {
        expect(a.x >= 0 && a.y >= 0 && a.x + size.cardWidth <= plan.width + 0.01).toBe(true);
        expect(a.y + size.cardHeight).toBeLessThanOrEqual(plan.height + 0.01);
        for (const b of cards.slice(index + 1)) {
          expect(Math.abs(a.x - b.x) >= size.cardWidth || Math.abs(a.y - b.y) >= size.cardHeight).toBe(true);
        }
      }
      expect(plan.links.size).toBe(input.links.filter(({ from, to }) => from !== to).length);
    }),
  );
});
