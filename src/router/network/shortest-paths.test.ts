import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { shortestPaths, type Edge } from "./shortest-paths.ts";

type Graph = readonly (readonly [from: number, to: number, cost: number])[];

const edgesOf =
  (graph: Graph) =>
  (node: string): Edge[] =>
    graph.filter(([from]) => String(from) === node).map(([, to, cost]) => ({ to: String(to), cost }));

/** Bellman-Ford by definition: relax every edge until nothing changes. */
function bruteForce(graph: Graph, source: number): Map<string, number> {
  const cost = new Map<number, number>([[source, 0]]);
  for (let changed = true; changed;) {
    changed = false;
    for (const [from, to, weight] of graph) {
      const there = (cost.get(from) ?? Number.POSITIVE_INFINITY) + weight;
      if (there < (cost.get(to) ?? Number.POSITIVE_INFINITY)) {
        cost.set(to, there);
        changed = true;
      }
    }
  }
  cost.delete(source);
  return new Map([...cost].map(([node, value]) => [String(node), value]));
}

const graphs = fc
  .array(fc.tuple(fc.nat(9), fc.nat(9), fc.integer({ min: 1, max: 6 })), { maxLength: 40 })
  .map((edges) => edges.filter(([from, to]) => from !== to));

test("costs and first steps are those of brute force, on any graph", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const own = edgesOf(graph)("0");
      const paths = shortestPaths(own, { self: "0", edgesOf: edgesOf(graph) });
      const expected = bruteForce(graph, 0);
      expect(new Map([...paths].map(([node, { cost }]) => [node, cost]))).toEqual(expected);
      for (const [node, { cost, firstSteps }] of paths) {
        const without = graph.filter(([from]) => from !== 0);
        const right = own.flatMap((edge, index) => {
          const onward = edge.to === node ? 0 : bruteForce(without, Number(edge.to)).get(node);
          return onward !== undefined && edge.cost + onward === cost ? [index] : [];
        });
        expect(firstSteps).toEqual(right);
      }
    }),
    { numRuns: 400 },
  );
});

test("a thousand routers with four links each take milliseconds", () => {
  const graph = new Map<string, Edge[]>();
  for (let node = 0; node < 1000; node++) {
    const near = [1, 2, 31, 997].map((step) => ({ to: String((node + step) % 1000), cost: 1 + (node % 3) }));
    graph.set(String(node), near);
  }
  const started = performance.now();
  const paths = shortestPaths(graph.get("0") ?? [], { self: "0", edgesOf: (node) => graph.get(node) ?? [] });
  expect(paths.size).toBe(999);
  expect(performance.now() - started).toBeLessThan(100);
});
