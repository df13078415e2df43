import { HttpConnection, type HttpTarget } from "../../bench/lib/http-connection.ts";

/** Answers by pod; what did not answer stands under its failure or status. */
export type Shares = Record<string, number>;

/** GET with these header lines (each with its CRLF). */
export function get(headers = ""): string {
  return `GET / HTTP/1.1\r\nhost: app.test\r\n${headers}\r\n`;
}

/**
 * Asks so many times in all, on keep-alive connections that each ask one after the other. Counts who answered, in the
 * order of names.
 */
export async function ask(
  target: HttpTarget,
  options: { readonly times: number; readonly connections?: number; readonly headers?: string },
): Promise<Shares> {
  const { times, connections = 1, headers = "" } = options;
  const counts = new Map<string, number>();
  let left = times;
  const client = async (): Promise<void> => {
    const connection = new HttpConnection(target);
    while (left-- > 0) {
      const { status, failure, header } = await connection.request(get(headers));
      const who = failure ?? (status === 200 ? (header("x-pod") ?? "nobody") : String(status));
      counts.set(who, (counts.get(who) ?? 0) + 1);
    }
    // One that was closed on the way would hide that requests of one connection are spread.
    if (connection.opened > 1) counts.set("reopened", (counts.get("reopened") ?? 0) + connection.opened - 1);
    connection.close();
  };
  await Promise.all(Array.from({ length: connections }, client));
  return Object.fromEntries([...counts].toSorted(([a], [b]) => a.localeCompare(b)));
}

/** One request on a new connection. */
export async function once(
  target: HttpTarget,
  request = get(),
): Promise<{ readonly status: number; readonly pod: string; readonly failure: string; readonly ms: number }> {
  const connection = new HttpConnection(target);
  const startMs = performance.now();
  const { status, failure = "", header } = await connection.request(request);
  connection.close();
  return { status, failure, pod: header("x-pod") ?? "", ms: performance.now() - startMs };
}

/** Waits until the shares of so many requests satisfy `met`; gives how long that took, ms. */
export async function untilShares(
  target: HttpTarget,
  met: (shares: Shares) => boolean,
  { times = 20, timeoutMs = 10_000 } = {},
): Promise<number> {
  const startMs = performance.now();
  for (;;) {
    const shares = await ask(target, { times });
    if (met(shares)) return performance.now() - startMs;
    if (performance.now() - startMs > timeoutMs)
      throw new Error(`Still ${JSON.stringify(shares)} after ${timeoutMs} ms`);
  }
}
