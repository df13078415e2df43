import { afterEach, describe, expect, test } from "bun:test";
import type { TCPSocketListener } from "bun";
import { Backends, Forwarder } from "./forwarder.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

interface Client {
  socket: Bun.Socket;
  seen: Seen;
  fin: () => void;
}

interface Seen {
  text: string;
  closed: Promise<"clean" | "reset">;
}

/** A client that collects what it gets; `closed` says how it ended. */
async function dial(port: number): Promise<Client> {
  const done = Promise.withResolvers<"clean" | "reset">();
  const seen: Seen = { text: "", closed: done.promise };
  let ended = false;
  let shut = false;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    allowHalfOpen: true,
    data: undefined,
    socket: {
      data: (_socket, chunk) => void (seen.text += chunk.toString()),
      end(self) {
        ended = true;
        self.end();
      },
      // After our own FIN, Bun tells of the peer's by `close` alone.
      close: (_socket, error) => done.resolve((ended || shut) && error === undefined ? "clean" : "reset"),
      error: () => undefined,
    },
  });
  cleanups.push(() => socket.terminate());
  const fin = (): void => {
    shut = true;
    socket.shutdown();
  };
  return { socket, seen, fin };
}

function serve(socket: Bun.SocketHandler<undefined>): TCPSocketListener<undefined> {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    allowHalfOpen: true,
    data: undefined,
    socket: { data: () => undefined, error: () => undefined, ...socket },
  });
  cleanups.push(() => server.stop(true));
  return server;
}

function forward(ports: readonly number[]): Forwarder {
  const backends = new Backends();
  backends.targets = ports.map((port) => ({ host: "127.0.0.1", port }));
  const forwarder = new Forwarder({ host: "127.0.0.1", port: 0, backends });
  cleanups.push(() => forwarder.stop({ abort: true }));
  return forwarder;
}

/** A port that nobody listens on. */
function closedPort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = server;
  server.stop(true);
  return port;
}

describe("a service forwarder", () => {
  test("passes a half-close on, and the answer that comes after it", async () => {
    let heard = "";
    const server = serve({
      data: (_socket, chunk) => void (heard += chunk.toString()),
      end(socket) {
        setTimeout(() => {
          socket.write(`heard ${heard}`);
          socket.shutdown();
        }, 20);
      },
    });
    const { socket, seen, fin } = await dial(forward([server.port]).port);
    socket.write("all of it");
    fin();
    expect(await seen.closed).toBe("clean");
    expect(seen.text).toBe("heard all of it");
  });

  test("passes the server's half-close on, and what the client says after it", async () => {
    const late = Promise.withResolvers<string>();
    const server = serve({
      open(socket) {
        socket.write("bye");
        socket.shutdown();
      },
      data: (_socket, chunk) => late.resolve(chunk.toString()),
      end: (socket) => void socket.end(),
    });
    const done = Promise.withResolvers<void>();
    let text = "";
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: forward([server.port]).port,
      allowHalfOpen: true,
      socket: {
        data: (_socket, chunk) => void (text += chunk.toString()),
        end(self) {
          self.write("late words");
          self.shutdown();
        },
        close: () => done.resolve(),
      },
    });
    cleanups.push(() => socket.terminate());
    expect(await late.promise).toBe("late words");
    await done.promise;
    expect(text).toBe("bye");
  });

  test("tries the next endpoint when one refuses", async () => {
    const server = serve({ open: (socket) => void socket.end("here") });
    const forwarder = forward([closedPort(), closedPort(), server.port]);
    for (let index = 0; index < 6; index++) {
      const { seen } = await dial(forwarder.port);
      expect(await seen.closed).toBe("clean");
      expect(seen.text).toBe("here");
    }
  });

  test("resets the client when no endpoint takes it", async () => {
    const { seen } = await dial(forward([closedPort()]).port);
    expect(await seen.closed).toBe("reset");
  });

  test("goes round the endpoints evenly", async () => {
    const counts = [0, 0, 0];
    const servers = counts.map((_, index) =>
      serve({
        open(socket) {
          counts[index] = (counts[index] ?? 0) + 1;
          socket.end("x");
        },
      }),
    );
    const forwarder = forward(servers.map((server) => server.port));
    for (let index = 0; index < 30; index++) await (await dial(forwarder.port)).seen.closed;
    expect(counts).toEqual([10, 10, 10]);
  });

  test("passes a reset of either side on as a reset", async () => {
    const server = serve({ data: (socket) => socket.terminate() });
    const { socket, seen } = await dial(forward([server.port]).port);
    socket.write("x");
    expect(await seen.closed).toBe("reset");

    const ended = Promise.withResolvers<Error | undefined>();
    const other = serve({
      open: (each) => void each.write("hello"),
      close: (_socket, error) => ended.resolve(error),
    });
    const client = await dial(forward([other.port]).port);
    await Bun.sleep(20);
    client.socket.terminate();
    expect((await ended.promise)?.message).toContain("ECONNRESET");
  });

  test("passes a reset on also when the other direction has ended", async () => {
    const server = serve({
      open: (socket) => void socket.write("part of"),
      end: (socket) => void setTimeout(() => socket.terminate(), 20),
    });
    const { seen, fin } = await dial(forward([server.port]).port);
    fin();
    expect(await seen.closed).toBe("reset");
  });

  test("carries 64 MiB both ways at once through a slow reader, whole and without holding it", async () => {
    const size = 64 << 20;
    const echo = serve({
      open: (socket) => void (socket.data = undefined),
      ...echoHandlers(),
    });
    const before = process.memoryUsage().rss;
    const { port } = forward([echo.port]);
    const received = await pump(port, size);
    expect(received.bytes).toBe(size);
    expect(received.hash).toBe(received.sent);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20);
  });
});

/** Echoes with back-pressure. */
function echoHandlers(): Bun.SocketHandler<undefined> {
  let pending: Uint8Array | undefined;
  let ended = false;
  return {
    data(socket, chunk) {
      const written = socket.write(chunk);
      if (written < chunk.length) {
        pending = chunk.subarray(written);
        socket.pause();
      }
    },
    drain(socket) {
      if (pending === undefined) return;
      pending = pending.subarray(socket.write(pending));
      if (pending.length > 0) return;
      pending = undefined;
      socket.resume();
      if (ended) socket.end();
    },
    end(socket) {
      ended = true;
      if (pending === undefined) socket.end();
    },
  };
}

async function pump(port: number, size: number): Promise<{ bytes: number; hash: string; sent: string }> {
  const out = new Bun.CryptoHasher("sha256");
  const back = new Bun.CryptoHasher("sha256");
  const block = crypto.getRandomValues(new Uint8Array(65_536));
  const done = Promise.withResolvers<void>();
  let sent = 0;
  let bytes = 0;
  let offset = 0;
  const push = (socket: Bun.Socket): void => {
    while (sent < size) {
      const rest = block.subarray(offset, Math.min(block.length, offset + size - sent));
      const written = socket.write(rest);
      out.update(rest.subarray(0, written));
      sent += written;
      offset = (offset + written) % block.length;
      if (written < rest.length) return;
    }
    socket.shutdown();
  };
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    allowHalfOpen: true,
    data: undefined,
    socket: {
      open: push,
      drain: push,
      data(self, chunk) {
        back.update(chunk);
        bytes += chunk.length;
        if (bytes % 7 === 0) {
          self.pause();
          setTimeout(() => self.resume(), 2);
        }
      },
      end: (self) => void self.end(),
      close: () => done.resolve(),
    },
  });
  cleanups.push(() => socket.terminate());
  await done.promise;
  return { bytes, hash: back.digest("hex"), sent: out.digest("hex") };
}
