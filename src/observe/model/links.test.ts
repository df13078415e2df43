import { expect, test } from "bun:test";
import type { LinkState } from "#router/state.ts";
import { nextEdges, type KnownEdge, type RouterLinks } from "./links.ts";

const siteIds = new Set(["a", "b", "c"]);

function word(state: LinkState["state"], direction: LinkState["direction"], remoteSiteId: string): LinkState {
  return { name: "l", direction, remoteSiteId, remoteSiteName: "", cost: 1, rttMs: 3, lanes: 2, state };
}

function says(
  siteId: string,
  link?: LinkState,
  options: { stale?: boolean; out?: number; in?: number } = {},
): RouterLinks {
  const { stale = false, out = 0, in: into = 0 } = options;
  const ends = link === undefined ? [] : [{ link, streams: 2, bytesOut: out, bytesIn: into }];
  return { siteId, stale, ends };
}

/** Looks, a second apart, at what the routers say in each; tells the state of the one link after each. */
function states(selfId: string, ...looks: readonly (readonly RouterLinks[])[]): (string | undefined)[] {
  let edges: Map<string, KnownEdge> = new Map();
  return looks.map((routers, second) => {
    edges = nextEdges(edges, { routers, selfId, siteIds, nowMs: second * 1000 });
    return edges.get("a/l")?.edge.state;
  });
}

const up = [says("a", word("up", "dialled", "b")), says("b", word("up", "accepted", "a"))];

test("Both ends of a link are one edge, whose bytes go forth from its dialler", () => {
  const routers = [
    says("b", word("up", "accepted", "a"), { out: 7, in: 5 }),
    says("a", word("up", "dialled", "b"), { out: 5, in: 7 }),
  ];
  const edges = nextEdges(new Map(), { routers, selfId: "a", siteIds, nowMs: 10 });
  expect([...edges.values()].map(({ edge }) => edge)).toEqual([
    {
      id: "a/l",
      name: "l",
      from: "a",
      to: "b",
      cost: 1,
      rttMs: 3,
      lanes: 2,
      state: "up",
      sinceMs: 10,
      streams: 2,
      bytesForth: 5,
      bytesBack: 7,
    },
  ]);
  const alone = nextEdges(new Map(), { routers: routers.slice(0, 1), selfId: "b", siteIds, nowMs: 10 });
  expect(alone.get("a/l")?.edge).toMatchObject({ from: "a", to: "b", bytesForth: 5, bytesBack: 7 });
});

test("A link that is being made is connecting; one that lost its connection is down until it is up again", () => {
  const connecting = [says("a", word("connecting", "dialled", "b")), says("b")];
  expect(states("a", connecting, up, connecting, connecting, up)).toEqual([
    "connecting",
    "up",
    "down",
    "down",
    "up",
  ]);
});

test("A link that ends here and is not known here is down at once, though its dialler still takes it for up", () => {
  const lost = [says("a", word("up", "dialled", "b")), says("b")];
  expect(states("b", up, lost)).toEqual(["up", "down"]);
  expect(states("a", up, lost)).toEqual(["up", "up"]);
});

test("A link whose dialler cannot be heard any more is down when its acceptor lost it, and stays", () => {
  const away = [says("a", word("up", "dialled", "b"), { stale: true }), says("b")];
  expect(states("b", up, away, away, [says("b")], up)).toEqual(["up", "down", "down", "down", "up"]);
});

test("A link that its dialler deleted is gone after two seconds; a dialler that forgets it for one has restarted", () => {
  const deleted = [says("a"), says("b")];
  expect(states("b", up, deleted, up)).toEqual(["up", "down", "up"]);
  expect(states("b", up, deleted, deleted, deleted, deleted)).toEqual([
    "up",
    "down",
    "down",
    undefined,
    undefined,
  ]);
});

test("Of links between sites that cannot be heard nothing new is said; with a site its links go", () => {
  const unheard = up.map((router) => ({ ...router, stale: true }));
  expect(states("c", up, unheard)).toEqual(["up", "up"]);
  const before = nextEdges(new Map(), { routers: up, selfId: "c", siteIds, nowMs: 0 });
  expect(nextEdges(before, { routers: up, selfId: "c", siteIds: new Set(["a", "c"]), nowMs: 1 }).size).toBe(
    0,
  );
});

test("Of several routers of a site the best word counts, and what went over them adds up", () => {
  const routers = [
    says("a", word("connecting", "dialled", "b")),
    says("a", word("up", "dialled", "b"), { out: 3 }),
    says("a", word("up", "dialled", "b"), { out: 4 }),
  ];
  const edge = nextEdges(new Map(), { routers, selfId: "a", siteIds, nowMs: 0 }).get("a/l")?.edge;
  expect([edge?.state, edge?.bytesForth]).toEqual(["up", 7]);
});
