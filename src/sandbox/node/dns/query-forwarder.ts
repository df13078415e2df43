import { FLAG, HEADER_BYTES } from "#dns/constants.ts";
import { lower } from "#dns/name.ts";
import type { Clock } from "#core/clock.ts";
import type { Upstream } from "./corefile.ts";

/** Two attempts are over before a stub resolver's five seconds. */
const UDP_MS = 1500;
const TCP_MS = 3000;
const ATTEMPTS = 2;
/** More at once are answered with SERVFAIL. */
const MAX_IN_FLIGHT = 256;
const QUESTION_FIXED_BYTES = 4;

export interface ForwardCounters {
  answered: number;
  /** Nobody answered in time, or all refused the connection. */
  failed: number;
  /** Too many at once. */
  busy: number;
}

export interface Asked {
  readonly upstreams: readonly Upstream[];
  /** End of the name of the question. */
  readonly nameEnd: number;
  /** What the client takes, bytes. */
  readonly maxBytes: number;
  readonly transport: "udp" | "tcp";
}

/**
 * Asks other servers on behalf of a client: over UDP, each query with an id and a socket (so a source port) of its own, and over TCP
 * where the client uses it or the answer was truncated and would fit the client after all.
 */
export class QueryForwarder {
  readonly counters: ForwardCounters = { answered: 0, failed: 0, busy: 0 };
  readonly #clock: Clock;
  #inFlight = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The answer with the client's id; undefined when there is none. Never rejects. */
  async ask(query: Uint8Array, asked: Asked): Promise<Uint8Array | undefined> {
    if (this.#inFlight >= MAX_IN_FLIGHT) {
      this.counters.busy++;
      return undefined;
    }
    this.#inFlight++;
    try {
      const answer = await this.#attempts(query, asked);
      if (answer === undefined) this.counters.failed++;
      else this.counters.answered++;
      return answer;
    } catch {
      this.counters.failed++;
      return undefined;
    } finally {
      this.#inFlight--;
    }
  }

  async #attempts(query: Uint8Array, asked: Asked): Promise<Uint8Array | undefined> {
    const { upstreams, nameEnd, maxBytes, transport } = asked;
    const mine = Uint8Array.from(query);
    const id = crypto.getRandomValues(new Uint8Array(2));
    mine.set(id);
    for (let attempt = 0; attempt < ATTEMPTS && upstreams.length > 0; attempt++) {
      const upstream = upstreams[attempt % upstreams.length];
      if (upstream === undefined) break;
      // oxlint-disable-next-line no-await-in-loop -- the next only when this one is silent
      let answer = transport === "udp" ? await this.#udp(mine, { upstream, nameEnd }) : undefined;
      if (answer === undefined && transport === "udp") continue;
      if (answer === undefined || isTruncated(answer)) {
        // oxlint-disable-next-line no-await-in-loop
        const whole = await this.#tcp(mine, { upstream, nameEnd });
        if (whole !== undefined && whole.length <= maxBytes) answer = whole;
      }
      if (answer === undefined) continue;
      answer.set(query.subarray(0, 2));
      return answer;
    }
    return undefined;
  }

  async #udp(query: Uint8Array, { upstream, nameEnd }: One): Promise<Uint8Array | undefined> {
    const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
    const cancel = this.#clock.after(UDP_MS, () => resolve(undefined));
    try {
      const socket = await Bun.udpSocket({
        connect: { hostname: upstream.host, port: upstream.port },
        binaryType: "uint8array",
        socket: {
          data(_socket, answer) {
            if (isAnswerTo(query, { answer, nameEnd })) resolve(Uint8Array.from(answer));
          },
          // Nobody listens there.
          error: () => resolve(undefined),
        },
      });
      try {
        socket.send(query);
        return await promise;
      } finally {
        socket.close();
      }
    } catch {
      return undefined;
    } finally {
      cancel();
    }
  }

  async #tcp(query: Uint8Array, { upstream, nameEnd }: One): Promise<Uint8Array | undefined> {
    const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
    const cancel = this.#clock.after(TCP_MS, () => resolve(undefined));
    const framed = new Uint8Array(query.length + 2);
    framed.set([query.length >> 8, query.length & 255]);
    framed.set(query, 2);
    let come: Uint8Array = new Uint8Array();
    const connected = Bun.connect({
      hostname: upstream.host,
      port: upstream.port,
      socket: {
        open: (socket) => void socket.write(framed),
        data(_socket, chunk) {
          come = come.length === 0 ? chunk : Buffer.concat([come, chunk]);
          const length = come.length < 2 ? Number.MAX_SAFE_INTEGER : ((come[0] ?? 0) << 8) | (come[1] ?? 0);
          if (come.length < length + 2) return;
          const answer = Uint8Array.from(come.subarray(2, length + 2));
          resolve(isAnswerTo(query, { answer, nameEnd }) ? answer : undefined);
        },
        close: () => resolve(undefined),
        connectError: () => resolve(undefined),
      },
    });
    connected.then(
      async (socket) => {
        await promise;
        socket.terminate();
      },
      () => resolve(undefined),
    );
    const answer = await promise;
    cancel();
    return answer;
  }
}

interface One {
  readonly upstream: Upstream;
  readonly nameEnd: number;
}

function isTruncated(answer: Uint8Array): boolean {
  return ((answer[2] ?? 0) & (FLAG.TC >> 8)) !== 0;
}

/** The same id and question, letters in any case; a server that could not read the question may leave it out. */
function isAnswerTo(
  query: Uint8Array,
  { answer, nameEnd }: { answer: Uint8Array; nameEnd: number },
): boolean {
  if (answer.length < HEADER_BYTES || answer[0] !== query[0] || answer[1] !== query[1]) return false;
  if (((answer[2] ?? 0) & (FLAG.QR >> 8)) === 0) return false;
  if (answer[4] === 0 && answer[5] === 0) return true;
  const end = nameEnd + QUESTION_FIXED_BYTES;
  if (answer.length < end) return false;
  for (let at = HEADER_BYTES; at < end; at++)
    if (lower(answer[at] ?? 0) !== lower(query[at] ?? 0)) return false;
  return true;
}
