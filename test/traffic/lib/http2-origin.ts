/** An origin that speaks HTTP/2 in clear, in a process of its own: answers 200, and tells on request what it saw. */
import { createServer, type ServerHttp2Stream } from "node:http2";

export interface OriginMessage {
  readonly port: number;
  readonly seen: readonly { readonly method: string; readonly path: string; readonly body: string }[];
}

const seen: OriginMessage["seen"][number][] = [];
const server = createServer();
server.on("stream", (stream: ServerHttp2Stream, headers) => {
  const pieces: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => void pieces.push(chunk));
  stream.on("error", () => undefined);
  stream.on("end", () => {
    const body = Buffer.concat(pieces).toString("latin1");
    seen.push({ method: String(headers[":method"]), path: String(headers[":path"]), body });
    if (stream.destroyed) return;
    stream.respond({ ":status": 200 });
    stream.end("ok");
  });
});
server.on("sessionError", () => undefined);
server.listen({ host: process.argv[2] ?? "127.0.0.1", port: 0 }, () => tell());

function tell(): void {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  process.send?.({ port, seen: seen.splice(0) } satisfies OriginMessage);
}

process.on("message", tell);
process.on("disconnect", () => process.exit(0));
