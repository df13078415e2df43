const SERVE = new URL("./serve.ts", import.meta.url).pathname;

/** What `serve.ts` says of itself. */
export interface DnsProcessState {
  readonly queries: number;
  readonly ignored: number;
  readonly rss: number;
  readonly connections: number;
}

/** A server of the test zone in a process of its own, ended with `await using`. */
export interface DnsProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** After it has collected its garbage. */
  state(): Promise<DnsProcessState>;
}

export async function startDnsProcess(port = 0, ttl = 5): Promise<DnsProcess> {
  const child = Bun.spawn([process.execPath, SERVE, String(port), "127.0.0.1", String(ttl)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const lines = linesOf(child.stdout);
  const next = async (): Promise<string> => {
    const { value } = await lines.next();
    if (value === undefined) throw new Error("The DNS server ended");
    return value;
  };
  return {
    pid: child.pid,
    port: Number(await next()),
    async state() {
      void child.stdin.write("\n");
      await child.stdin.flush();
      return JSON.parse(await next()) as DnsProcessState;
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      yield text.slice(0, end);
      text = text.slice(end + 1);
    }
  }
  return undefined;
}
