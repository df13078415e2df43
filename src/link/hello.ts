import { PROTOCOL_VERSION } from "./constants.ts";
import type { LinkLimits } from "./limits.ts";
import type { LinkSelf } from "./types.ts";

/** The first frame of a lane, both ways: JSON, since it is rare and must be easy to extend. Unknown fields are ignored. */
export interface Hello extends LinkSelf {
  readonly versions: readonly number[];
  /** The dialler's id of this link: lanes that carry the same one, from the same site, are one link. */
  readonly link: string;
  readonly linkName: string;
  readonly cost: number;
  /** Names of abilities; both ends use those that both name. None yet. */
  readonly features: readonly string[];
  /** First credit that this side gives to a stream. */
  readonly windowBytes: number;
  readonly maxStreams: number;
}

const MAX_NAME_LENGTH = 253;
const MIN_WINDOW_BYTES = 1024;
const MAX_WINDOW_BYTES = 64 * 1024 * 1024;

export function createHello(
  self: LinkSelf,
  options: { link: string; linkName: string; cost: number; limits: LinkLimits },
): Hello {
  return {
    versions: [PROTOCOL_VERSION],
    siteName: self.siteName,
    routerId: self.routerId,
    version: self.version,
    link: options.link,
    linkName: options.linkName,
    cost: options.cost,
    features: [],
    windowBytes: options.limits.initialWindowBytes,
    maxStreams: options.limits.maxStreamsPerLane,
  };
}

export function encodeHello(hello: Hello): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(hello));
}

/** Undefined where the payload is no HELLO. */
export function parseHello(payload: Uint8Array): Hello | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const hello = value as Partial<Record<keyof Hello, unknown>>;
  const { siteName, routerId, version, link, linkName } = hello;
  const { cost, windowBytes, maxStreams, versions, features } = hello;
  if (!isName(siteName) || !isName(routerId) || !isName(version) || !isName(link) || !isName(linkName)) {
    return undefined;
  }
  if (!isWithin(cost, 1, 1_000_000) || !isWithin(maxStreams, 0, 2 ** 31)) return undefined;
  if (!isWithin(windowBytes, MIN_WINDOW_BYTES, MAX_WINDOW_BYTES)) return undefined;
  if (!Array.isArray(versions) || !versions.every((each) => typeof each === "number")) return undefined;
  if (!Array.isArray(features) || !features.every((each) => typeof each === "string")) return undefined;
  return { versions, siteName, routerId, version, link, linkName, cost, features, windowBytes, maxStreams };
}

/** The highest version that both speak, or undefined. */
export function negotiateVersion(theirs: readonly number[]): number | undefined {
  return theirs.includes(PROTOCOL_VERSION) ? PROTOCOL_VERSION : undefined;
}

function isName(value: unknown): value is string {
  // oxlint-disable-next-line no-control-regex -- that is what must not be in a name that ends in logs
  return typeof value === "string" && value.length <= MAX_NAME_LENGTH && !/[\u0000-\u001f\u007f]/.test(value);
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}
