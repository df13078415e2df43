/**
 * What a lane needs of its connection: ordered bytes both ways, and to be told when they stop. A wire is real TLS
 * (tls-wire.ts) or memory in tests.
 */
export interface Wire {
  handler: WireHandler;
  /**
   * Takes up to `length` bytes from `offset` and returns how many; -1 when the wire is closed. Bytes that were taken
   * may be overwritten at once. After fewer than `length`, `onDrain` follows.
   */
  write(bytes: Uint8Array, offset: number, length: number): number;
  /** Ends the wire after the bytes that were taken; `onClose` follows. */
  end(): void;
  /** Cuts the wire; `onClose` follows. */
  destroy(): void;
}

export interface WireHandler {
  /** `chunk` is only valid during the call. */
  onData(chunk: Uint8Array): void;
  onDrain(): void;
  /** Once. The peer ended or the wire broke; there is no half-open wire. */
  onClose(reason: string): void;
}
