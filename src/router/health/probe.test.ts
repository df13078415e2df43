import { afterAll, expect, test } from "bun:test";
import { Server, ServerCredentials, status, type UntypedHandleCall } from "@grpc/grpc-js";
import { systemClock } from "#core/clock.ts";
import type { Failure, ProbeTarget } from "./check.ts";
import { networkProber } from "./probe.ts";

const stops: (() => void)[] = [];
afterAll(() => {
  for (const stop of stops) stop();
});

function probe(target: Partial<ProbeTarget> & Pick<ProbeTarget, "type" | "port">): Promise<Failure> {
  const all: ProbeTarget = { host: "127.0.0.1", path: undefined, timeoutMs: 500, ...target };
  return new Promise((resolve) => {
    networkProber(systemClock)(all, resolve);
  });
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

/** A server that answers a connection's first bytes with this text; undefined says nothing, "" ends. */
function raw(answer: string | undefined): number {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (socket) => {
        if (answer === undefined) return;
        socket.write(answer);
        socket.end();
      },
    },
  });
  stops.push(() => server.stop(true));
  return server.port;
}

test("HTTP: 200 to 399 is healthy, anything else is not; the request is as one expects", async () => {
  const paths: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      paths.push(`${pathname} ${request.headers.get("host")} ${request.headers.get("user-agent")}`);
      return new Response("x", { status: Number(pathname.slice(1) || 200) });
    },
  });
  stops.push(() => void server.stop(true));
  const port = server.port ?? 0;
  expect(await probe({ type: "HTTP", port })).toBeUndefined();
  expect(await probe({ type: "HTTP", port, path: "/204" })).toBeUndefined();
  expect(await probe({ type: "HTTP", port, path: "/399" })).toBeUndefined();
  expect(await probe({ type: "HTTP", port, path: "/404" })).toBe("answered 404");
  expect(await probe({ type: "HTTP", port, path: "/503" })).toBe("answered 503");
  expect(paths[0]).toBe(`/ 127.0.0.1:${port} isthmus-health`);
});

test("HTTP: what is no answer is unhealthy, with the reason", async () => {
  expect(await probe({ type: "HTTP", port: raw("SSH-2.0-x\r\n") })).toBe("the answer is not HTTP");
  expect(await probe({ type: "HTTP", port: raw("x".repeat(10_000)) })).toBe("the answer is not HTTP");
  expect(await probe({ type: "HTTP", port: raw("") })).toBe("the connection ended without an answer");
  expect(await probe({ type: "HTTP", port: raw(undefined), timeoutMs: 100 })).toBe("no answer in 100 ms");
});

test("TCP: a connection that opens is healthy; a refused one is not", async () => {
  const port = raw(undefined);
  expect(await probe({ type: "TCP", port })).toBeUndefined();
  const gone = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port: refused } = gone;
  gone.stop(true);
  for (const type of ["TCP", "HTTP", "GRPC"] as const)
    expect(await probe({ type, port: refused })).toBe("connection refused");
});

test("gRPC: SERVING is healthy, of the whole server or of a service", async () => {
  const statuses = new Map<string, number>([
    ["", 1],
    ["shop.Cart", 2],
    ["shop.Old", 0],
  ]);
  const server = new Server();
  const check: UntypedHandleCall = (
    call: { request: Buffer },
    callback: (error: object | null, value?: Buffer) => void,
  ) => {
    const name = call.request.subarray(2).toString();
    const serving = statuses.get(name);
    if (serving === undefined) callback({ code: status.NOT_FOUND });
    else callback(null, serving === 0 ? Buffer.alloc(0) : Buffer.of(8, serving));
  };
  server.addService(
    {
      check: {
        path: "/grpc.health.v1.Health/Check",
        requestStream: false,
        responseStream: false,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    },
    { check },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  stops.push(() => server.forceShutdown());
  expect(await probe({ type: "GRPC", port })).toBeUndefined();
  expect(await probe({ type: "GRPC", port, path: "shop.Cart" })).toBe("says NOT_SERVING");
  expect(await probe({ type: "GRPC", port, path: "shop.Old" })).toBe("says UNKNOWN");
  expect(await probe({ type: "GRPC", port, path: "shop.None" })).toBe("grpc-status 5");
  expect(await probe({ type: "GRPC", port: raw("HTTP/1.1 400 Bad Request\r\n\r\n") })).toMatch(
    /^the request was reset/,
  );
  expect(await probe({ type: "GRPC", port: raw(undefined), timeoutMs: 100 })).toBe("no answer in 100 ms");
});
