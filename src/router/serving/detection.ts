import { spokenIn, type Spoken } from "./spoken.ts";
import type { End, Flow } from "../flow/flow.ts";
import type { SocketEnd } from "../flow/socket-end.ts";

/** A client's connection once it is known what is spoken on it. */
export interface Detected {
  readonly spoken: Spoken;
  /** What the client sent so far, in pieces; empty where it was not waited for. */
  readonly first: Uint8Array | undefined;
  /** The client has ended its side already. */
  readonly fin: boolean;
}

export interface DetectionOptions {
  readonly client: SocketEnd;
  readonly flow: Flow;
  /** Called once, and only while the client is there; sets the client's peer. */
  readonly onDetected: (detected: Detected) => void;
  /** The client spoke first, but not yet enough; or it is gone. */
  readonly onHeard: () => void;
}

/**
 * Stands behind a client until its first bytes show what it speaks. They are held here; there are never more than one
 * first line and one read of the socket.
 *
 *     waiting --bytes, not clear yet--> waiting --clear, or FIN--> detected
 *        \-- client broke: the flow is over
 */
export class Detection implements End {
  readonly peer: End;
  readonly received = 0;
  readonly held = 0;
  readonly #options: DetectionOptions;
  #first: Uint8Array | undefined;
  #over = false;

  constructor(options: DetectionOptions) {
    this.#options = options;
    this.peer = options.client;
  }

  start(): void {
    this.#options.client.peer = this;
    this.#options.flow.far = this;
  }

  deliver(chunk: Uint8Array): number {
    this.#first = this.#first === undefined ? chunk : joined(this.#first, chunk);
    const spoken = spokenIn(this.#first);
    if (spoken === undefined) this.#options.onHeard();
    else this.#detected(spoken, false);
    return chunk.length;
  }

  deliverFin(): void {
    this.#detected("other", true);
  }

  /** The client is gone. */
  deliverReset(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.onHeard();
    this.#options.flow.abandon();
  }

  taken(): void {
    // Nothing is sent to the client before it is known what it speaks.
  }

  #detected(spoken: Spoken, fin: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.onDetected({ spoken, first: this.#first, fin });
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
