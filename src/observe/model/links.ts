import type { LinkState } from "#router/state.ts";
import type { LinkEdge } from "../views.ts";

/** A dialler that is heard and no longer names a link has to leave it out for so long before the link is gone: its router may just be starting. */
const GONE_AFTER_MS = 2000;

/** One router's word on one link. */
export interface LinkEnd {
  readonly link: LinkState;
  readonly streams: number;
  /** Per second, out of this router and into it. */
  readonly bytesOut: number;
  readonly bytesIn: number;
}

export interface RouterLinks {
  readonly siteId: string;
  readonly stale: boolean;
  readonly ends: readonly LinkEnd[];
}

/** An edge, and what is remembered of it. */
export interface KnownEdge {
  readonly edge: LinkEdge;
  /** Since when its dialler leaves it out. */
  readonly missingSinceMs?: number;
}

export interface LinksInput {
  readonly routers: readonly RouterLinks[];
  /** Site that the observer stands at. */
  readonly selfId: string;
  readonly siteIds: { has(siteId: string): boolean };
  readonly nowMs: number;
}

interface Ends {
  readonly from: string;
  readonly to: string;
  readonly name: string;
  dialled: LinkEnd | undefined;
  dialledStale: LinkEnd | undefined;
  accepted: LinkEnd | undefined;
}

/**
 * Both ends of each link as one edge. The dialler's word counts while it is heard, except that a link which ends here and is
 * not known here is down at once, whatever the far end still thinks. A link is gone when its dialler says so; one that only the
 * acceptor lost is down. Nothing is said of links between sites that cannot be heard: they stay as they were.
 *
 *     connecting --up--> up --lost--> down --up--> up           (connecting again after a loss is down: it does not work)
 */
export function nextEdges(before: ReadonlyMap<string, KnownEdge>, input: LinksInput): Map<string, KnownEdge> {
  const ends = endsOf(input.routers);
  for (const [id, { edge }] of before) {
    if (!ends.has(id)) ends.set(id, noEnds(edge));
  }
  const after = new Map<string, KnownEdge>();
  for (const [id, seen] of ends) {
    const known = before.get(id);
    const next = nextEdge(id, { seen, known, input });
    if (next !== undefined) after.set(id, next);
  }
  return after;
}

function nextEdge(
  id: string,
  { seen, known, input }: { seen: Ends; known: KnownEdge | undefined; input: LinksInput },
): KnownEdge | undefined {
  const { routers, siteIds, nowMs, selfId } = input;
  const { from, name, dialled, dialledStale, accepted } = seen;
  const to = seen.to === "" ? (known?.edge.to ?? "") : seen.to;
  if (!siteIds.has(from) || (to !== "" && !siteIds.has(to))) return undefined;
  const heard = (siteId: string): boolean => routers.some((one) => one.siteId === siteId && !one.stale);
  let missingSinceMs: number | undefined;
  if (dialled === undefined && dialledStale === undefined && heard(from)) {
    missingSinceMs = known?.missingSinceMs ?? nowMs;
    if (known === undefined || nowMs - missingSinceMs >= GONE_AFTER_MS) return undefined;
  }
  const state = stateOf({ seen, before: known?.edge.state, acceptorHeard: heard(to), toSelf: to === selfId });
  const word = dialled ?? accepted ?? dialledStale;
  const facts = word?.link ?? known?.edge;
  if (facts === undefined) return undefined;
  const up = state === "up" && word !== undefined;
  const error = state === "up" ? undefined : (dialled ?? dialledStale)?.link.error;
  const edge: LinkEdge = {
    id,
    name,
    from,
    to,
    cost: facts.cost,
    rttMs: facts.rttMs,
    lanes: facts.lanes,
    state,
    sinceMs: known?.edge.state === state ? known.edge.sinceMs : nowMs,
    ...(error === undefined ? {} : { error }),
    streams: up ? word.streams : 0,
    bytesForth: up ? (word === accepted ? word.bytesIn : word.bytesOut) : 0,
    bytesBack: up ? (word === accepted ? word.bytesOut : word.bytesIn) : 0,
  };
  return missingSinceMs === undefined ? { edge } : { edge, missingSinceMs };
}

function stateOf(input: {
  readonly seen: Ends;
  readonly before: LinkEdge["state"] | undefined;
  readonly acceptorHeard: boolean;
  readonly toSelf: boolean;
}): LinkEdge["state"] {
  const { before, acceptorHeard, toSelf } = input;
  const { dialled, dialledStale, accepted } = input.seen;
  const lost = before === "up" || before === "down" ? "down" : "connecting";
  if (dialled !== undefined) {
    const { state } = dialled.link;
    if (state === "connecting") return lost;
    if (state === "up" && toSelf && acceptorHeard && accepted === undefined) return lost;
    return state;
  }
  if (accepted !== undefined) return accepted.link.state;
  if (acceptorHeard) return "down";
  return before ?? dialledStale?.link.state ?? "down";
}

function endsOf(routers: readonly RouterLinks[]): Map<string, Ends> {
  const all = new Map<string, Ends>();
  for (const { siteId, stale, ends } of routers) {
    for (const end of ends) {
      const { name, direction, remoteSiteId } = end.link;
      const [from, to] = direction === "dialled" ? [siteId, remoteSiteId] : [remoteSiteId, siteId];
      const id = `${from}/${name}`;
      let seen = all.get(id);
      if (seen === undefined || (seen.to === "" && to !== "")) {
        seen = { ...(seen ?? noEnds({ from, to, name })), to };
        all.set(id, seen);
      }
      if (direction === "accepted") {
        if (!stale) seen.accepted = better(seen.accepted, end);
      } else if (stale) seen.dialledStale = better(seen.dialledStale, end);
      else seen.dialled = better(seen.dialled, end);
    }
  }
  return all;
}

function noEnds({ from, to, name }: { from: string; to: string; name: string }): Ends {
  return { from, to, name, dialled: undefined, dialledStale: undefined, accepted: undefined };
}

const ORDER = { up: 0, connecting: 1, down: 2 } as const;

/** Of the words of several routers of one site; what went over them adds up. */
function better(a: LinkEnd | undefined, b: LinkEnd): LinkEnd {
  if (a === undefined) return b;
  const [best, other] = ORDER[a.link.state] <= ORDER[b.link.state] ? [a, b] : [b, a];
  return {
    link: best.link,
    streams: best.streams + other.streams,
    bytesOut: best.bytesOut + other.bytesOut,
    bytesIn: best.bytesIn + other.bytesIn,
  };
}
