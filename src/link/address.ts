import { IsthmusError } from "#core/errors.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port` or `[ipv6]:port`. Throws INVALID. */
export function parseAddress(text: string): Address {
  const [, bracketed, plain, portText] =
    /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(portText);
  if (host === undefined || !(port >= 1 && port <= 65_535)) {
    throw new IsthmusError(
      "INVALID",
      `Cannot read address "${text}": expected host:port, with a port of 1 to 65535`,
    );
  }
  return { host, port };
}
