/** Credit goes back when it is this part of the window: the rest is with the sender or on its way. */
const GRANT_PARTS = 4;

/** What a peer may still send, on a stream or on a connection. */
export class ReceiveWindow {
  readonly #bytes: number;
  #left: number;
  /** Consumed and not yet given back. */
  #owed = 0;

  /** `left` is larger than `bytes` for a peer that may not know of them yet. */
  constructor(bytes: number, left = bytes) {
    this.#bytes = bytes;
    this.#left = left;
  }

  /** False when the peer sent more than it may. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  /** Returns the increment of a WINDOW_UPDATE that is due, or 0. */
  give(bytes: number): number {
    this.#owed += bytes;
    if (this.#owed * GRANT_PARTS < this.#bytes) return 0;
    const grant = this.#owed;
    this.#owed = 0;
    this.#left += grant;
    return grant;
  }
}
