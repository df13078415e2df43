/** A way out of a node. `cost` >= 0. */
export interface Edge {
  readonly to: string;
  readonly cost: number;
}

export interface Path {
  readonly cost: number;
  /** Indices into the source's own edges: every first step of a path with that cost (ECMP), ascending. */
  readonly firstSteps: readonly number[];
  /** The node before it on one of these paths; undefined where that is the source. */
  readonly previous: string | undefined;
}

/** Equal paths remembered per node. */
const MAX_EQUAL_PATHS = 16;

/**
 * Dijkstra with a binary heap: O((V + E) log V). Gives the cheapest path to every node that can be reached, the source
 * itself left out, with all first steps of equally cheap ones.
 */
export function shortestPaths(
  source: readonly Edge[],
  { self, edgesOf }: { readonly self: string; readonly edgesOf: (node: string) => Iterable<Edge> },
): Map<string, Path> {
  const found = new Map<
    string,
    { cost: number; firstSteps: number[]; previous: string | undefined; done: boolean }
  >();
  const heap = new Heap();
  const offer = (
    node: string,
    { cost, firstSteps, previous }: { cost: number; firstSteps: readonly number[]; previous?: string },
  ): void => {
    if (node === self) return;
    const known = found.get(node);
    if (known === undefined || cost < known.cost) {
      if (known === undefined) found.set(node, { cost, firstSteps: [...firstSteps], previous, done: false });
      else {
        known.cost = cost;
        known.firstSteps = [...firstSteps];
        known.previous = previous;
      }
      heap.push(node, cost);
    } else if (cost === known.cost) {
      for (const step of firstSteps) {
        if (known.firstSteps.length < MAX_EQUAL_PATHS && !known.firstSteps.includes(step))
          known.firstSteps.push(step);
      }
    }
  };
  for (const [index, edge] of source.entries()) offer(edge.to, { cost: edge.cost, firstSteps: [index] });
  for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
    const at = found.get(top.node);
    if (at === undefined || at.done || top.cost > at.cost) continue;
    at.done = true;
    for (const edge of edgesOf(top.node))
      offer(edge.to, { cost: at.cost + edge.cost, firstSteps: at.firstSteps, previous: top.node });
  }
  const paths = new Map<string, Path>();
  for (const [node, { cost, firstSteps, previous }] of found)
    paths.set(node, { cost, firstSteps: firstSteps.toSorted((a, b) => a - b), previous });
  return paths;
}

class Heap {
  readonly #items: { readonly node: string; readonly cost: number }[] = [];

  push(node: string, cost: number): void {
    const items = this.#items;
    let at = items.length;
    const item = { node, cost };
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent] as typeof item;
      if (above.cost <= cost) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  pop(): { readonly node: string; readonly cost: number } | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (top === undefined || last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (
        child + 1 < items.length &&
        (items[child + 1] as typeof last).cost < (items[child] as typeof last).cost
      )
        child++;
      const below = items[child] as typeof last;
      if (below.cost >= last.cost) break;
      items[at] = below;
      at = child;
    }
    items[at] = last;
    return top;
  }
}
