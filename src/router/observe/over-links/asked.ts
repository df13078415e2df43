import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import type { ResetCode } from "#link/reset-code.ts";
import type { LinkStream, StreamHandler } from "#link/types.ts";
import {
  ASK_TIMEOUT_MS,
  MAX_ANSWER_BYTES,
  MAX_ANSWERING,
  MAX_ASK_BYTES,
  askOf,
  writeAnswer,
  type Answer,
} from "./protocol.ts";

/** How questions from other sites ended; all only grow. */
export class AskedCounts {
  answered = 0;
  /** This site tells other sites nothing. */
  denied = 0;
  overload = 0;
  malformed = 0;
  timeout = 0;
  /** The asker, or a link on the way, went away. */
  broken = 0;
}

export interface AskedOptions {
  readonly clock: Clock;
  /** Whether other sites are answered now. */
  readonly allowed: () => boolean;
  /** Answers what may be asked: path and query. */
  readonly answer: (url: URL) => Answer;
}

/** Given to the stream a piece at a time, so that a slow asker costs one answer and not the link's memory, bytes. */
const PIECE_BYTES = 64 * 1024;

/** Answers the questions of other sites' routers. */
export class Asked {
  readonly counts = new AskedCounts();
  readonly #options: AskedOptions;
  readonly #running = new Set<Question>();

  constructor(options: AskedOptions) {
    this.#options = options;
  }

  accept(stream: LinkStream): void {
    if (!this.#options.allowed()) {
      this.counts.denied++;
      stream.reset("DENIED", "This site tells other sites nothing");
    } else if (this.#running.size >= MAX_ANSWERING) {
      this.counts.overload++;
      stream.reset("OVERLOAD", "Too many questions at once");
    } else {
      const question = new Question(stream, {
        ...this.#options,
        onOver: (how) => {
          this.counts[how]++;
          this.#running.delete(question);
        },
      });
      this.#running.add(question);
      stream.handler = question;
    }
  }

  stop(): void {
    for (const question of this.#running) question.stop();
  }
}

/** reading --FIN--> answering --all sent--> over;  from each: reset, time is up --> over */
class Question implements StreamHandler {
  readonly #stream: LinkStream;
  readonly #options: AskedOptions & { readonly onOver: (how: keyof AskedCounts) => void };
  readonly #stopTimer: () => void;
  #asked: Uint8Array[] = [];
  #askedBytes = 0;
  #answer: Uint8Array | undefined;
  #sent = 0;
  #over = false;

  constructor(
    stream: LinkStream,
    options: AskedOptions & { readonly onOver: (how: keyof AskedCounts) => void },
  ) {
    this.#stream = stream;
    this.#options = options;
    this.#stopTimer = options.clock.after(ASK_TIMEOUT_MS, () => this.#refuse("TIMEOUT", "timeout"));
  }

  stop(): void {
    this.#refuse("RESET_BY_PEER", "broken");
  }

  onData(chunk: Uint8Array): void {
    this.#askedBytes += chunk.length;
    if (this.#askedBytes > MAX_ASK_BYTES) {
      this.#refuse("PROTOCOL", "malformed");
      return;
    }
    this.#asked.push(chunk);
    this.#stream.consumed(chunk.length);
  }

  onFin(): void {
    const line = Buffer.concat(this.#asked).toString("latin1");
    this.#asked = [];
    const path = line.slice(0, -1);
    if (askOf(path) !== line || !URL.canParse(path, "http://router")) {
      this.#refuse("PROTOCOL", "malformed");
      return;
    }
    this.#answer = writeAnswer(bounded(this.#answerTo(new URL(path, "http://router"))));
    this.onWritable();
  }

  onReset(): void {
    this.#end("broken");
  }

  onWritable(): void {
    const answer = this.#answer;
    if (answer === undefined) return;
    while (this.#sent < answer.length && !this.#over) {
      const piece = answer.subarray(this.#sent, this.#sent + PIECE_BYTES);
      this.#sent += piece.length;
      if (!this.#stream.give(piece)) break;
    }
    if (this.#sent < answer.length || this.#over) return;
    this.#stream.fin();
    this.#end("answered");
  }

  #answerTo(url: URL): Answer {
    try {
      return this.#options.answer(url);
    } catch (error) {
      return { status: 500, body: `${messageOf(error)}\n` };
    }
  }

  #refuse(code: ResetCode, how: keyof AskedCounts): void {
    if (this.#over) return;
    this.#stream.reset(code);
    this.#end(how);
  }

  #end(how: keyof AskedCounts): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopTimer();
    this.#answer = undefined;
    this.#options.onOver(how);
  }
}

function bounded(answer: Answer): Answer {
  const bytes = Buffer.byteLength(answer.body);
  if (bytes <= MAX_ANSWER_BYTES) return answer;
  return { status: 500, body: `The answer has ${bytes} bytes, at most ${MAX_ANSWER_BYTES} go over links\n` };
}
