/** One run of wrk, and what its report says. */
export interface WrkOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** A new connection for each request. */
  readonly close?: boolean;
}

export interface WrkResult {
  readonly requests: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const SIZE: Record<string, number> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };
const TIME_MS: Record<string, number> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

export async function wrk(options: WrkOptions): Promise<WrkResult> {
  const command = [
    "wrk",
    "-t1",
    `-c${options.connections}`,
    `-d${options.seconds}s`,
    "--latency",
    "--timeout",
    "10s",
  ];
  if (options.close) command.push("-H", "Connection: close");
  const child = Bun.spawn([...command, options.url], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0)
    throw new Error(`wrk failed: ${await new Response(child.stderr).text()}${text}`);
  return parseWrk(text);
}

export function parseWrk(text: string): WrkResult {
  const total = /(\d+) requests in ([\d.]+)(us|ms|s|m), ([\d.]+)(\w+) read/.exec(text);
  if (total === null) throw new Error(`Cannot read wrk's report: ${text}`);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  const latency = (percent: number): number => {
    const found = new RegExp(`^\\s+${percent}%\\s+([\\d.]+)(us|ms|s|m)`, "m").exec(text);
    return found === null ? Number.NaN : Number(found[1]) * (TIME_MS[found[2] ?? "ms"] ?? 1);
  };
  return {
    requests: Number(total[1]),
    seconds: (Number(total[2]) * (TIME_MS[total[3] ?? "s"] ?? 1000)) / 1000,
    bytes: Number(total[4]) * (SIZE[total[5] ?? "B"] ?? 1),
    errors: bad + (errors?.slice(1).reduce((sum, value) => sum + Number(value), 0) ?? 0),
    p50Ms: latency(50),
    p99Ms: latency(99),
  };
}
