import { IsthmusError, messageOf } from "#core/errors.ts";
import type { RouterAnswer, RouterRequest, RouterSource } from "../source.ts";

/** Larger answers are not read, bytes. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Routers of one site by the addresses of their admin endpoints (`http://10.0.0.7:9901`), asked without anything between. */
export function directSource(addresses: readonly string[]): RouterSource {
  return {
    async get(path: string, { signal, router }: RouterRequest): Promise<RouterAnswer> {
      let last: unknown;
      for (const address of router === undefined ? addresses : [router]) {
        try {
          // oxlint-disable-next-line no-await-in-loop -- the next one only when this one fails
          return await ask(address + path, signal);
        } catch (error) {
          if (signal.aborted) throw signal.reason;
          last = error;
        }
      }
      throw new IsthmusError(
        "UNREACHABLE",
        `No router answers at ${addresses.join(", ")}: ${messageOf(last)}`,
        {
          cause: last,
        },
      );
    },
    routers: () => Promise.resolve(addresses),
  };
}

async function ask(url: string, signal: AbortSignal): Promise<RouterAnswer> {
  const response = await fetch(url, { signal, redirect: "error" });
  const length = Number(response.headers.get("content-length") ?? 0);
  if (length > MAX_ANSWER_BYTES)
    throw new IsthmusError("PROTOCOL", `An answer of ${length} bytes is too long`, { source: "upstream" });
  const text = await response.text();
  if (response.headers.get("content-type")?.includes("json") !== true)
    return { status: response.status, value: text };
  return { status: response.status, value: JSON.parse(text) };
}
