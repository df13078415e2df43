/**
 * `bun bench/lib/runtime-pump.ts near|far LISTEN TARGET IDENTITIES`: what the runtime's sockets cost without anything of ours: bytes
 * from one socket to another, and one TLS connection between the two for each client. The floor of `bench -- link --floor`.
 */
import { readFileSync } from "node:fs";
import type { Socket, TLSOptions } from "bun";
import type { TestIdentities } from "./identities.ts";

interface Side {
  peer: Socket<Side> | undefined;
  /** Read before there was somebody to give it to. */
  readonly early: Uint8Array[];
  /** To be written. */
  readonly queue: Uint8Array[];
  closed: boolean;
}

const [role, listen, target, file = ""] = process.argv.slice(2);
const { near, far } = JSON.parse(readFileSync(file, "utf8")) as TestIdentities;
const accepting: TLSOptions = {
  cert: far.server.certificate,
  key: far.server.key,
  ca: far.trust,
  requestCert: true,
  rejectUnauthorized: true,
};
const dialling: TLSOptions = {
  cert: near.client.certificate,
  key: near.client.key,
  ca: near.trust,
  serverName: "link.isthmus.internal",
};

function send(to: Socket<Side>, chunk: Uint8Array): boolean {
  if (to.data.queue.length === 0) {
    const wrote = Math.max(0, to.write(chunk));
    if (wrote === chunk.length) return true;
    to.data.queue.push(chunk.subarray(wrote));
  } else to.data.queue.push(chunk);
  return false;
}

const handlers = {
  data(socket: Socket<Side>, chunk: Uint8Array): void {
    const { peer } = socket.data;
    if (peer === undefined) socket.data.early.push(chunk);
    else if (!send(peer, chunk)) socket.pause();
  },
  drain(socket: Socket<Side>): void {
    const { queue, peer } = socket.data;
    for (let first = queue[0]; first !== undefined; first = queue[0]) {
      const wrote = Math.max(0, socket.write(first));
      if (wrote < first.length) {
        queue[0] = first.subarray(wrote);
        return;
      }
      queue.shift();
    }
    peer?.resume();
  },
  close(socket: Socket<Side>): void {
    socket.data.closed = true;
    socket.data.peer?.end();
  },
  error(socket: Socket<Side>): void {
    socket.terminate();
  },
};

/** Both are there: what came early goes first. */
function join(client: Socket<Side>, upstream: Socket<Side>): void {
  if (client.data.closed) {
    upstream.end();
    return;
  }
  client.data.peer = upstream;
  upstream.data.peer = client;
  for (const chunk of client.data.early.splice(0)) send(upstream, chunk);
}

const listener = Bun.listen<Side>({
  hostname: "127.0.0.1",
  port: Number(listen),
  ...(role === "far" ? { tls: accepting } : {}),
  socket: {
    ...handlers,
    open(client) {
      client.data = { peer: undefined, early: [], queue: [], closed: false };
      void Bun.connect<Side>({
        hostname: "127.0.0.1",
        port: Number(target),
        data: { peer: undefined, early: [], queue: [], closed: false },
        ...(role === "near" ? { tls: dialling } : {}),
        socket: {
          ...handlers,
          ...(role === "near"
            ? { handshake: (upstream: Socket<Side>) => join(client, upstream) }
            : { open: (upstream: Socket<Side>) => join(client, upstream) }),
        },
      });
    },
  },
});

// Who holds no listener loses it to the garbage collector.
process.on("SIGTERM", () => {
  listener.stop(true);
  process.exit(0);
});
