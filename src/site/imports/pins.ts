import { clusterLabel } from "./cluster-id.ts";
import type { DesiredImport, Source } from "./imports.ts";
import { type Pin, pinKey, type PinTarget } from "./pin-services.ts";
import { podHostname } from "../pod-hostname.ts";

/** Of one headless import, so many pods of other clusters have an address here; more are left out. */
export const MAX_PODS = 500;
/** All pins of a namespace have so many ports together; the routers have 20,000, and those of imports come first. */
export const MAX_PIN_PORTS = 8000;
/** A pin whose cluster or pod has gone waits for it for so long, so that a pod that is started anew keeps its address, ms. */
export const PIN_LINGER_MS = 60_000;

export interface PinInput {
  readonly desired: Iterable<DesiredImport>;
  /** Pins that there are. */
  readonly known: (name: string) => readonly PinTarget[];
  /** By the letter of KEP-1645: clusters have no pins. */
  readonly strict: boolean;
  /** Whether clients of this cluster's own Service of that name are led through the routers: then its cluster needs a pin too. */
  readonly isLedAway: (name: string) => boolean;
}

export interface PinPlan {
  /** By import. */
  readonly pins: ReadonlyMap<string, readonly Pin[]>;
  /** Pins whose cluster or pod is gone; they stay for a while. By key. */
  readonly gone: ReadonlySet<string>;
  /** Pins that are of no use whatever comes; by key. All others that are not wanted stay: of their clusters nothing was heard yet. */
  readonly unwanted: ReadonlySet<string>;
  /** How many clusters and pods of an import have no address for want of room. */
  readonly left: ReadonlyMap<string, number>;
}

/**
 * Which Services lead to one cluster of an import, or to one pod of a headless one: of every other cluster that exports it. This cluster's pods have
 * their own addresses, and its Service is the user's. Pure; who is there already goes before who is new, so that a bound that is reached takes
 * nothing away from anybody.
 */
export function planPins({ desired, known, strict, isLedAway }: PinInput): PinPlan {
  const pins = new Map<string, Pin[]>();
  const gone = new Set<string>();
  const unwanted = new Set<string>();
  const left = new Map<string, number>();
  const late: Pin[] = [];
  let ports = 0;
  for (const one of desired) {
    const { name } = one;
    const there = known(name);
    const keys = new Set(there.map(pinKey));
    const wanted = new Map(wantedPins(one, { strict, isLedAway }).map((pin) => [pinKey(pin), pin]));
    const list = [...wanted].flatMap(([key, pin]) => (keys.has(key) ? pin : []));
    for (const [key, pin] of wanted) if (!keys.has(key)) late.push(pin);
    for (const pin of list) ports += pin.ports.length;
    pins.set(name, list);
    for (const target of there) {
      const key = pinKey(target);
      if (wanted.has(key)) continue;
      const fate = fateOf(target, { one, strict });
      if (fate === "gone") gone.add(key);
      else if (fate === "unwanted") unwanted.add(key);
    }
  }
  for (const pin of late) {
    const list = pins.get(pin.of) ?? [];
    const room = pin.endpoint === undefined || list.length < MAX_PODS;
    if (room && ports + pin.ports.length <= MAX_PIN_PORTS) {
      ports += pin.ports.length;
      list.push(pin);
    } else left.set(pin.of, (left.get(pin.of) ?? 0) + 1);
  }
  return { pins, gone, unwanted, left };
}

function wantedPins(
  { name, spec, carried, sources }: DesiredImport,
  { strict, isLedAway }: Pick<PinInput, "strict" | "isLedAway">,
): Pin[] {
  const byKey = new Map<string, Pin>();
  for (const source of sources) {
    const ports = portsOf(source, carried);
    if (!source.isNamed || ports.length === 0) continue;
    const base = { of: name, cluster: source.id, ports };
    if (spec.type !== "Headless") {
      if (!strict && (!source.local || isLedAway(name))) byKey.set(source.id, base);
    } else if (!source.local) {
      for (const { id, hostname } of source.pods) {
        const pin = { ...base, endpoint: id, hostname: podHostname(hostname, id) };
        if (pin.hostname !== undefined) byKey.set(pinKey(pin), pin);
      }
    }
  }
  return [...byKey.values()];
}

/** Of the import's ports those that this cluster has. */
export function portsOf({ ports }: Source, carried: DesiredImport["carried"]): DesiredImport["carried"] {
  const served = new Set(ports.map(({ port }) => port));
  return carried.filter(({ port }) => served.has(port));
}

function fateOf(
  { cluster, endpoint }: PinTarget,
  { one, strict }: { readonly one: DesiredImport; readonly strict: boolean },
): "kept" | "gone" | "unwanted" {
  const headless = one.spec.type === "Headless";
  if (headless ? endpoint === undefined : endpoint !== undefined || strict) return "unwanted";
  const source = one.sources.find(({ id }) => id === cluster);
  // An exporter that was not heard of yet: the controller has just begun.
  if (source === undefined) return one.exporters.includes(clusterLabel(cluster)) ? "kept" : "gone";
  return source.local ? "unwanted" : "gone";
}
