import type { Clock } from "#core/clock.ts";
import {
  applyDelta,
  changesBetween,
  decodeAdvertisement,
  factsOf,
  type Advertisement,
  type DeltaAdvertisement,
  type FullAdvertisement,
  type RouterFacts,
} from "./advertisement.ts";
import type { RouterCounters } from "../counters.ts";
import {
  advertisementMessage,
  digestMessages,
  readMessage,
  wantMessages,
  type FloodMessage,
  type SeenOrigin,
} from "./flood-message.ts";
import { routerKey, type LinkStateDatabase, type LinkStateEntry } from "./link-state.ts";
import type { AdvertisementSigner, AdvertisementVerifier, Origin } from "./signature.ts";

/** After so many deltas, or when they outweigh it, a router sends its full advertisement again. */
const MAX_DELTAS = 32;
/** Neighbours compare what they know this often, so that nothing lost stays lost, ms. */
const COMPARE_MS = 30_000;
/** A router that meets a newer self takes a higher epoch; at most this often, ms. */
const EPOCH_PAUSE_MS = 1000;

/** What was asked of a neighbour is not asked again for so long, ms: what cannot be believed must not go in circles. */
const ASK_PAUSE_MS = 1000;
const MAX_ASKED = 8192;

/** A router at the other end of a link. */
export interface Neighbour {
  send(payload: Uint8Array): void;
}

/** What changed with a router's state: `services` undefined means any of them. */
export interface LinkStateChange {
  readonly entry: LinkStateEntry;
  readonly linksChanged: boolean;
  readonly services: ReadonlySet<string> | undefined;
}

export interface FloodOptions {
  readonly self: { readonly site: string; readonly router: string };
  readonly database: LinkStateDatabase;
  readonly clock: Clock;
  readonly counters: RouterCounters;
  readonly onChange: (change: LinkStateChange) => void;
}

export interface FloodTrust {
  readonly signer: Pick<AdvertisementSigner, "certificate" | "sign">;
  readonly verifier: Pick<AdvertisementVerifier, "originOf" | "verify">;
}

/**
 * Link-state flooding. Each router signs what it says of itself, as a full advertisement and then deltas; everyone
 * passes on, unchanged, what was news to it, to all neighbours but the one it came from.
 *
 *     neighbour up:  both send a digest (who, epoch, seq) -> each asks for what it lacks (want) -> advertisements
 *     news:          epoch higher, or same epoch and seq higher; a delta only exactly next. A gap: want
 *     older:         refused, and the sender told what is newer (so a restarted router learns of its former life)
 *
 * Nobody can speak for another site: the certificate that comes with a full advertisement must be of this network and
 * of that site, and every signature must fit it.
 */
export class Flood {
  readonly #options: FloodOptions;
  /** With what each was asked for, by router, and when. */
  readonly #neighbours = new Map<Neighbour, Map<string, number>>();
  readonly #key: string;
  readonly #stop: () => void;
  #trust: FloodTrust | undefined;
  #epoch: number;
  #epochSetMs = Number.NEGATIVE_INFINITY;
  #facts: RouterFacts | undefined;
  #deltaBytes = 0;

  constructor(options: FloodOptions) {
    this.#options = options;
    this.#key = routerKey(options.self.site, options.self.router);
    this.#epoch = options.clock.now();
    this.#stop = options.clock.every(COMPARE_MS, () => {
      for (const neighbour of this.#neighbours.keys()) this.#sendDigest(neighbour);
    });
  }

  stop(): void {
    this.#stop();
    this.#neighbours.clear();
  }

  /** Sets (or, after a renewal, swaps) key and roots; what stands is advertised again under the new certificate. */
  setTrust(trust: FloodTrust | undefined): void {
    const renewed = trust?.signer.certificate !== this.#trust?.signer.certificate;
    this.#trust = trust;
    if (renewed && this.#facts !== undefined) this.#publishFull(this.#facts);
  }

  neighbourUp(neighbour: Neighbour): void {
    this.#neighbours.set(neighbour, new Map());
    this.#sendDigest(neighbour);
  }

  neighbourDown(neighbour: Neighbour): void {
    this.#neighbours.delete(neighbour);
  }

  /** Says what this router is now; sends what changed since the last time, nothing when nothing did. */
  publish(facts: RouterFacts): void {
    const before = this.#facts;
    const entry = this.#options.database.get(this.#key);
    if (before === undefined || entry === undefined) {
      this.#publishFull(facts);
      return;
    }
    const change = changesBetween(before, facts);
    if (change === "same") return;
    const fullBytes = entry.messages[0]?.length ?? 0;
    if (change === undefined || entry.messages.length > MAX_DELTAS || this.#deltaBytes > fullBytes) {
      this.#publishFull(facts);
      return;
    }
    const { site, router } = this.#options.self;
    const delta: DeltaAdvertisement = {
      kind: "delta",
      site,
      router,
      epoch: this.#epoch,
      seq: entry.seq + 1,
      ...change,
    };
    const message = this.#sign(delta);
    if (message === undefined) {
      this.#publishFull(facts);
      return;
    }
    this.#facts = facts;
    this.#deltaBytes += message.length;
    entry.facts = facts;
    entry.seq++;
    entry.messages.push(message);
    this.#send(message);
  }

  /** A control message from a neighbour. Never throws: what cannot be read is counted and dropped. */
  receive(neighbour: Neighbour, payload: Uint8Array): void {
    const message = readMessage(payload);
    switch (message?.type) {
      case "advertisement":
        this.#receive(neighbour, message);
        return;
      case "digest":
        this.#compare(neighbour, message.origins);
        return;
      case "want":
        for (const [site, router] of message.origins) this.#give(neighbour, routerKey(site, router));
        return;
      case undefined:
        this.#options.counters.advertisementsMalformed++;
    }
  }

  #receive(neighbour: Neighbour, message: Extract<FloodMessage, { type: "advertisement" }>): void {
    const { counters } = this.#options;
    const [site, router, epoch, seq] = message.origin;
    const key = routerKey(site, router);
    const entry = this.#options.database.get(key);
    if (entry !== undefined && !isNewer({ epoch, seq }, entry)) {
      if (epoch === entry.epoch && seq === entry.seq) counters.advertisementsDuplicate++;
      else {
        counters.advertisementsStale++;
        for (const digest of digestMessages([seen(entry)])) neighbour.send(digest);
      }
      return;
    }
    const ad = decodeAdvertisement(message.body);
    const honest = ad?.site === site && ad.router === router && ad.epoch === epoch && ad.seq === seq;
    if (ad === undefined || !honest || this.#trust === undefined) {
      counters.advertisementsMalformed++;
      return;
    }
    if (
      ad.kind === "delta" &&
      (entry === undefined || entry.epoch !== ad.epoch || entry.seq + 1 !== ad.seq)
    ) {
      this.#ask(neighbour, [[ad.site, ad.router]]);
      return;
    }
    const origin = this.#authenticate(ad, { message, entry });
    if (origin === undefined) {
      counters.advertisementsForged++;
      return;
    }
    if (key === this.#key) {
      this.#outliveFormerSelf(ad.epoch);
      return;
    }
    if (!this.#apply(ad, { key, entry, origin, payload: message.payload })) return;
    counters.advertisementsAccepted++;
    this.#neighbours.get(neighbour)?.delete(key);
    for (const other of this.#neighbours.keys()) {
      if (other === neighbour) continue;
      counters.advertisementsSent++;
      other.send(message.payload);
    }
  }

  #authenticate(
    ad: Advertisement,
    {
      message,
      entry,
    }: { message: Extract<FloodMessage, { type: "advertisement" }>; entry: LinkStateEntry | undefined },
  ): Origin | undefined {
    const verifier = this.#trust?.verifier;
    const origin =
      ad.kind === "full"
        ? verifier?.originOf(message.certificate ?? "", this.#options.clock.now())
        : entry?.origin;
    return origin !== undefined && origin.siteId === ad.site && verifier?.verify(origin, message) === true
      ? origin
      : undefined;
  }

  #apply(
    ad: Advertisement,
    {
      key,
      entry,
      origin,
      payload,
    }: { key: string; entry: LinkStateEntry | undefined; origin: Origin; payload: Uint8Array },
  ): boolean {
    const { database, onChange } = this.#options;
    const { epoch, seq } = ad;
    if (ad.kind === "delta") {
      if (entry === undefined) return false;
      entry.facts = applyDelta(entry.facts, ad);
      entry.seq = seq;
      entry.messages.push(payload);
      const services = new Set([...ad.withdrawn, ...ad.services.map(({ service }) => service)]);
      onChange({ entry, linksChanged: ad.links !== undefined, services });
      return true;
    }
    const facts = factsOf(ad);
    const next = entry ?? { key, facts, epoch, seq, origin, messages: [], unreachableSinceMs: undefined };
    Object.assign(next, { facts, epoch, seq, origin, messages: [payload] });
    if (entry === undefined && !database.put(next)) {
      this.#options.counters.advertisementsMalformed++;
      return false;
    }
    onChange({ entry: next, linksChanged: true, services: undefined });
    return true;
  }

  #compare(neighbour: Neighbour, origins: readonly SeenOrigin[]): void {
    const wanted: [string, string][] = [];
    for (const [site, router, epoch, seq] of origins) {
      const entry = this.#options.database.get(routerKey(site, router));
      if (entry === undefined || isNewer({ epoch, seq }, entry)) wanted.push([site, router]);
    }
    this.#ask(neighbour, wanted);
  }

  #ask(neighbour: Neighbour, origins: readonly (readonly [string, string])[]): void {
    const asked = this.#neighbours.get(neighbour);
    if (asked === undefined) return;
    if (asked.size > MAX_ASKED) asked.clear();
    const nowMs = this.#options.clock.monotonicMs();
    const wanted = origins.filter(([site, router]) => {
      const key = routerKey(site, router);
      if (nowMs - (asked.get(key) ?? Number.NEGATIVE_INFINITY) < ASK_PAUSE_MS) return false;
      asked.set(key, nowMs);
      return true;
    });
    for (const message of wantMessages(wanted)) neighbour.send(message);
  }

  #give(neighbour: Neighbour, key: string): void {
    for (const message of this.#options.database.get(key)?.messages ?? []) {
      this.#options.counters.advertisementsSent++;
      neighbour.send(message);
    }
  }

  #sendDigest(neighbour: Neighbour): void {
    for (const message of digestMessages([...this.#options.database].map(seen))) neighbour.send(message);
  }

  /** The network remembers this router from a time when its clock was ahead: speak with a higher epoch. */
  #outliveFormerSelf(epoch: number): void {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#epochSetMs < EPOCH_PAUSE_MS) return;
    this.#epochSetMs = nowMs;
    this.#epoch = Math.max(epoch, this.#epoch) + 1;
    if (this.#facts !== undefined) this.#publishFull(this.#facts);
  }

  #publishFull(facts: RouterFacts): void {
    const { database, self } = this.#options;
    this.#facts = facts;
    this.#deltaBytes = 0;
    const before = database.get(this.#key);
    const seq = before !== undefined && before.epoch === this.#epoch ? before.seq + 1 : 1;
    const ad: FullAdvertisement = {
      kind: "full",
      ...self,
      epoch: this.#epoch,
      seq,
      name: facts.name,
      namespace: facts.namespace,
      version: facts.version,
      generation: facts.generation,
      links: [...facts.links],
      services: [...facts.services.values()].map(({ service, ports, terms, endpoints }) => ({
        service,
        ports: [...ports],
        ...(terms === undefined ? {} : { terms }),
        endpoints: [...endpoints],
      })),
    };
    const message = this.#sign(ad);
    if (message === undefined) return;
    const state = { facts, epoch: this.#epoch, seq, messages: [message] };
    if (before !== undefined) Object.assign(before, state);
    else database.put({ key: this.#key, origin: undefined, unreachableSinceMs: undefined, ...state });
    this.#send(message);
  }

  #sign(ad: Advertisement): Uint8Array | undefined {
    const signer = this.#trust?.signer;
    if (signer === undefined) return undefined;
    const body = Buffer.from(JSON.stringify(ad));
    const certificate = ad.kind === "full" ? signer.certificate : undefined;
    return advertisementMessage(body, {
      origin: [ad.site, ad.router, ad.epoch, ad.seq],
      signature: signer.sign(body),
      certificate,
    });
  }

  #send(message: Uint8Array): void {
    for (const neighbour of this.#neighbours.keys()) {
      this.#options.counters.advertisementsSent++;
      neighbour.send(message);
    }
  }
}

function seen({ facts, epoch, seq }: LinkStateEntry): SeenOrigin {
  return [facts.site, facts.router, epoch, seq];
}

function isNewer(
  a: { readonly epoch: number; readonly seq: number },
  b: { readonly epoch: number; readonly seq: number },
): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq);
}
