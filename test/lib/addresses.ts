/** Out of the way of the sandbox's clusters (127.1 and up) and of outgoing connections (127.0.0.1). */
export function ownLoopback(): string {
  const [a = 0, b = 0, c = 0] = crypto.getRandomValues(new Uint8Array(3));
  return `127.${128 + (a % 127)}.${b}.${1 + (c % 254)}`;
}

let nextPort = 20_000 + (process.pid % 100) * 100;

/** A port for an address that nobody else uses, such as `ownLoopback()` or one inside a network namespace. */
export function freePort(): number {
  nextPort = nextPort >= 32_000 ? 20_000 : nextPort + 1;
  return nextPort;
}
