import { acceptLinks } from "#link/acceptor.ts";
import { dialLink } from "#link/dialler.ts";
import { MemoryBudget } from "#link/memory-budget.ts";
import { ProtocolErrorCounts } from "#link/types.ts";
import type { LinkTransport } from "./link-manager.ts";

/** All links of a router together hold at most so much, bytes. */
const LINK_MEMORY_BYTES = 256 * 1024 * 1024;

/** Links over mutual TLS, as src/link makes them. */
export function tlsTransport(): LinkTransport {
  const memory = new MemoryBudget(LINK_MEMORY_BYTES);
  const errors = new ProtocolErrorCounts();
  return {
    dial: ({ expectedSite, ...options }) =>
      dialLink({ ...options, memory, errors, ...(expectedSite === undefined ? {} : { expectedSite }) }),
    accept: (options) => acceptLinks({ ...options, memory, errors }),
    memory,
    errors,
  };
}
