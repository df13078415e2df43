/** One run of h2load: small POSTs as gRPC sends them, many streams on few connections. */
export interface H2loadOptions {
  readonly url: string;
  readonly connections: number;
  readonly streams: number;
  readonly seconds: number;
  /** A file with the body of each request. */
  readonly bodyFile: string;
}

export interface H2loadResult {
  readonly requests: number;
  readonly errors: number;
  readonly seconds: number;
  readonly meanMs: number;
}

const TIME_MS: Record<string, number> = { us: 0.001, ms: 1, s: 1000 };

export async function h2load(options: H2loadOptions): Promise<H2loadResult> {
  const { url, connections, streams, seconds, bodyFile } = options;
  const counts = [`-c${connections}`, `-m${streams}`, `-D${seconds}`, "-t1"];
  const child = Bun.spawn(["h2load", ...counts, "-d", bodyFile, url], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0)
    throw new Error(`h2load failed: ${await new Response(child.stderr).text()}${text}`);
  return { ...parseH2load(text), seconds };
}

function parseH2load(text: string): Omit<H2loadResult, "seconds"> {
  const ok = Number(/status codes: (\d+) 2xx/.exec(text)?.[1] ?? Number.NaN);
  const bad = /requests: \d+ total, .* (\d+) failed/.exec(text);
  const other = /2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(text);
  const mean = /time for request: +[\d.]+\w+ +[\d.]+\w+ +([\d.]+)(us|ms|s)/.exec(text);
  if (!Number.isFinite(ok) || bad === null || other === null)
    throw new Error(`Cannot read h2load's report: ${text}`);
  return {
    requests: ok,
    errors: [bad[1], ...other.slice(1)].reduce((sum, value) => sum + Number(value), 0),
    meanMs: mean === null ? Number.NaN : Number(mean[1]) * (TIME_MS[mean[2] ?? "ms"] ?? 1),
  };
}
