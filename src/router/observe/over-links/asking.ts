import type { Clock } from "#core/clock.ts";
import type { ResetCode } from "#link/reset-code.ts";
import type { Link, LinkStream, StreamHandler } from "#link/types.ts";
import {
  ASK_TIMEOUT_MS,
  askOf,
  MAX_ANSWER_BYTES,
  MAX_ASKING,
  OBSERVE_PORT,
  OBSERVE_SERVICE,
  readAnswer,
  type Answer,
} from "./protocol.ts";

export interface AskingOptions {
  readonly clock: Clock;
  /** Id of this site. */
  readonly site: () => string;
  /** The link on which a site, or that very router of it, is reached; undefined while none leads there. */
  readonly nextHop: (siteId: string, routerId?: string) => Link | undefined;
  readonly isKnown: (siteId: string, routerId?: string) => boolean;
}

/** How questions to other sites ended; all only grow. */
export class AskingCounts {
  answered = 0;
  /** The site tells nothing, or too much was asked at once. */
  refused = 0;
  unreachable = 0;
  /** A reset, or an answer that is none, on the way. */
  broken = 0;
  timeout = 0;
  /** The asker did not wait. */
  left = 0;
}

/** The head line of an answer. */
const HEAD_BYTES = 16;

/**
 * Asks a router of another site over the links. What comes back is whole: what breaks in the middle of an answer is 502, what
 * takes too long 504, and a site that does not want to be asked 403. With `router=<router id>` in the query it is that router or 404.
 */
export class Asking {
  readonly counts = new AskingCounts();
  readonly #options: AskingOptions;
  #running = 0;

  constructor(options: AskingOptions) {
    this.#options = options;
  }

  /** `path` with its query. Never rejects. */
  async ask(siteId: string, path: string, signal?: AbortSignal): Promise<Answer> {
    const { nextHop, isKnown, site, clock } = this.#options;
    const question = askOf(path);
    if (question === undefined) return { status: 404, body: "Nothing that is told over links\n" };
    if (!isKnown(siteId)) return { status: 404, body: `No site of this network has the id ${siteId}\n` };
    if (this.#running >= MAX_ASKING) {
      this.counts.refused++;
      return { status: 503, body: "Too many questions to other sites at once\n" };
    }
    const routerId = routerIn(path);
    if (routerId !== undefined && !isKnown(siteId, routerId)) {
      this.counts.unreachable++;
      return { status: 404, body: `Site ${siteId} has no router of that id\n` };
    }
    const link = nextHop(siteId, routerId);
    if (link === undefined) {
      this.counts.unreachable++;
      if (routerId === undefined) return { status: 502, body: `No link leads to site ${siteId} now\n` };
      const body = `No way leads to router ${routerId} of site ${siteId} now that passes each site once\n`;
      return { status: 404, body };
    }
    this.#running++;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const waiting = new Waiting((answer, how) => {
      this.counts[how]++;
      resolve(how === "unreachable" && routerId !== undefined ? { ...answer, status: 404 } : answer);
    });
    const open = {
      service: OBSERVE_SERVICE,
      port: OBSERVE_PORT,
      endpoint: `${siteId}/${routerId ?? ""}`,
      client: "",
      trace: "",
    };
    const stream = link.open({ ...open, protocol: "tcp", hops: [site()] }, waiting);
    waiting.attach(stream);
    stream.write(Buffer.from(question));
    stream.fin();
    const stopTimer = clock.after(ASK_TIMEOUT_MS, () => waiting.timeUp());
    const leave = (): void => waiting.leave();
    signal?.addEventListener("abort", leave);
    const answer = await promise;
    this.#running--;
    stopTimer();
    signal?.removeEventListener("abort", leave);
    return answer;
  }
}

function routerIn(path: string): string | undefined {
  const query = path.indexOf("?");
  return query < 0 ? undefined : (new URLSearchParams(path.slice(query)).get("router") ?? undefined);
}

class Waiting implements StreamHandler {
  readonly #resolve: (answer: Answer, how: keyof AskingCounts) => void;
  #stream: LinkStream | undefined;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #over = false;

  constructor(resolve: (answer: Answer, how: keyof AskingCounts) => void) {
    this.#resolve = resolve;
  }

  attach(stream: LinkStream): void {
    this.#stream = stream;
  }

  onData(chunk: Uint8Array): void {
    if (this.#over) return;
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_ANSWER_BYTES + HEAD_BYTES) {
      this.#stream?.reset("OVERLOAD", "The answer is too long");
      this.#end({ status: 502, body: "The answer is too long\n" }, "broken");
      return;
    }
    this.#chunks.push(chunk);
    this.#stream?.consumed(chunk.length);
  }

  onFin(): void {
    const answer = readAnswer(Buffer.concat(this.#chunks));
    if (answer === undefined) this.#end({ status: 502, body: "The answer was cut short\n" }, "broken");
    else this.#end(answer, "answered");
  }

  onReset(code: ResetCode, reason: string): void {
    const [status, how] = meaningOf(code);
    this.#end({ status, body: `${code}${reason === "" ? "" : `: ${reason}`}\n` }, how);
  }

  onWritable(): void {
    // The question is shorter than any window.
  }

  timeUp(): void {
    this.#drop("TIMEOUT", { status: 504, body: `No answer within ${ASK_TIMEOUT_MS} ms\n` }, "timeout");
  }

  leave(): void {
    this.#drop("RESET_BY_PEER", { status: 499, body: "" }, "left");
  }

  #drop(code: ResetCode, answer: Answer, how: keyof AskingCounts): void {
    if (!this.#over) this.#stream?.reset(code);
    this.#end(answer, how);
  }

  #end(answer: Answer, how: keyof AskingCounts): void {
    if (this.#over) return;
    this.#over = true;
    this.#chunks = [];
    this.#resolve(answer, how);
  }
}

function meaningOf(code: ResetCode): [status: number, how: keyof AskingCounts] {
  switch (code) {
    case "DENIED":
      return [403, "refused"];
    case "OVERLOAD":
      return [503, "refused"];
    case "TIMEOUT":
      return [504, "timeout"];
    case "REFUSED":
    case "NO_ENDPOINT":
      return [502, "unreachable"];
    case "RESET_BY_PEER":
    case "PROTOCOL":
    case "LINK_LOST":
      return [502, "broken"];
    default:
      return code satisfies never;
  }
}
