import { timingSafeEqual } from "node:crypto";
import type { AccessGrant } from "#api/kinds/access-grant.ts";
import type { Clock } from "#core/clock.ts";
import { parseDurationMs } from "#core/duration.ts";
import { IsthmusError } from "#core/errors.ts";
import { JoinError } from "./join-error.ts";
import { hashOfCode } from "./join-protocol.ts";

/** The AccessGrants of this namespace. */
export interface GrantStore {
  /** All of them, as last seen. */
  list(): readonly AccessGrant[];
  /** As the API server has it now; undefined when it is gone. */
  get(name: string): Promise<AccessGrant | undefined>;
  /** Replaces the status; CONFLICT when `metadata.resourceVersion` is no longer current. */
  updateStatus(grant: AccessGrant): Promise<AccessGrant>;
}

export interface Reservation {
  readonly grant: string;
  /** These keys have redeemed the grant before: no further redemption was taken. */
  readonly again: boolean;
  /** Gives the redemption back: nothing was issued for it. Does nothing for one that was taken before. */
  giveBack(): Promise<void>;
}

/** What of the status changes with a redemption. */
type Taken = Required<Pick<NonNullable<AccessGrant["status"]>, "redemptions" | "redeemers">>;

/** Default of AccessGrant.spec.expirationWindow, for objects without it. */
const DEFAULT_WINDOW = "15m";
/** Each conflict means that somebody else went first, so this bounds the rounds of a race, not its chance. */
const MAX_ROUNDS = 128;

/** When a grant stops being redeemable, ms since the epoch. */
export function expiryOf(grant: AccessGrant): number {
  const createdMs = Date.parse(grant.metadata.creationTimestamp ?? "");
  const expiry = createdMs + parseDurationMs(grant.spec.expirationWindow ?? DEFAULT_WINDOW);
  // A grant without a readable age is not one that never ends.
  return Number.isFinite(expiry) ? expiry : 0;
}

/**
 * Counts redemptions in AccessGrant.status, before anything is signed. The API server's optimistic concurrency decides who
 * was first, over all replicas; within this process the tries of one grant stand in line, so that a hundred at once are
 * not a hundred conflicts.
 */
export class Redemptions {
  readonly #store: GrantStore;
  readonly #clock: Clock;
  readonly #lines = new Map<string, Promise<unknown>>();

  constructor(options: { readonly store: GrantStore; readonly clock: Clock }) {
    this.#store = options.store;
    this.#clock = options.clock;
  }

  /** Whether there is a grant with this code; whoever has none learns nothing else. Throws JoinError Denied. */
  known(code: string): void {
    if (this.#find(code) === undefined) throw denied();
  }

  /**
   * Takes one redemption of the grant with this code for a joiner with these keys (a hash of them), or none when the same
   * keys took one before: then the answer was lost, and is given again. Throws JoinError: Denied, Expired, AlreadyUsed, Busy.
   */
  async reserve(code: string, keys: string): Promise<Reservation> {
    const found = this.#find(code);
    if (found === undefined) throw denied();
    const { name } = found.metadata;
    return await this.#inLine(name, async () => {
      let again = false;
      const grant = await this.#change(name, (fresh) => {
        const { redemptions = 0, redeemers = [] } = fresh.status ?? {};
        this.#check(fresh, keys);
        again = redeemers.includes(keys);
        return again ? "unchanged" : { redemptions: redemptions + 1, redeemers: [...redeemers, keys] };
      });
      if (grant === undefined) throw denied();
      const { uid } = grant.metadata;
      const giveBack = (): Promise<void> => this.#inLine(name, () => this.#giveBack(name, { uid, keys }));
      return { grant: name, again, giveBack: again ? () => Promise.resolve() : giveBack };
    });
  }

  /** What `reserve` would say as far as is known here, without taking anything. Throws JoinError as it does. */
  check(code: string, keys: string): void {
    const found = this.#find(code);
    if (found === undefined) throw denied();
    this.#check(found, keys);
  }

  async #giveBack(name: string, taken: { uid: string | undefined; keys: string }): Promise<void> {
    await this.#change(name, ({ metadata, status }) => {
      const { redemptions = 0, redeemers = [] } = status ?? {};
      if (metadata.uid !== taken.uid || !redeemers.includes(taken.keys)) return "unchanged";
      return {
        redemptions: Math.max(0, redemptions - 1),
        redeemers: redeemers.filter((keys) => keys !== taken.keys),
      };
    });
  }

  /** Compares with every grant in constant time, so that the time says nothing about which one was near. */
  #find(code: string): AccessGrant | undefined {
    const hash = Buffer.from(hashOfCode(code), "hex");
    let found: AccessGrant | undefined;
    for (const grant of this.#store.list()) {
      const expected = Buffer.from(grant.spec.codeHash, "hex");
      if (expected.length === hash.length && timingSafeEqual(expected, hash)) found = grant;
    }
    return found;
  }

  #check(grant: AccessGrant, keys: string): void {
    if (grant.metadata.deletionTimestamp !== undefined) throw denied();
    const expiryMs = expiryOf(grant);
    if (this.#clock.now() >= expiryMs) {
      throw new JoinError("Expired", `The token expired at ${new Date(expiryMs).toISOString()}`);
    }
    if (grant.status?.redeemers?.includes(keys) === true) return;
    const allowed = grant.spec.redemptionsAllowed ?? 1;
    if ((grant.status?.redemptions ?? 0) >= allowed) {
      throw new JoinError(
        "AlreadyUsed",
        allowed === 1 ? "The token was already used" : `The token was already used ${allowed} times`,
      );
    }
  }

  /** Read, decide, write; again when somebody else wrote in between. Undefined when the grant is gone. */
  async #change(
    name: string,
    decide: (fresh: AccessGrant) => Taken | "unchanged",
  ): Promise<AccessGrant | undefined> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const fresh = await this.#store.get(name);
      if (fresh === undefined) return undefined;
      const taken = decide(fresh);
      if (taken === "unchanged") return fresh;
      try {
        return await this.#store.updateStatus({ ...fresh, status: { ...fresh.status, ...taken } });
      } catch (error) {
        if (!(error instanceof IsthmusError) || error.code !== "CONFLICT") throw error;
      }
    }
    throw new JoinError("Busy", "Too many sites redeem this token at the same moment; try again later");
  }

  /** Runs `fn` after all earlier ones of the same grant. */
  #inLine<T>(name: string, fn: () => Promise<T>): Promise<T> {
    const before = this.#lines.get(name) ?? Promise.resolve();
    const mine = before.then(fn, fn);
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#lines.set(name, settled);
    void settled.then(() => {
      if (this.#lines.get(name) === settled) this.#lines.delete(name);
    });
    return mine;
  }
}

function denied(): JoinError {
  return new JoinError("Denied", "The token is not valid here");
}
