import { describe, expect, test } from "bun:test";
import { createServerCertificate } from "#pki/tls-server.ts";
import { SECURITY_HEADERS } from "./headers.ts";
import { csrfOf, rawRequest, served } from "./testing/served.ts";

const FOREIGN = "https://evil.example";
const JSON_TYPE = { "content-type": "application/json" };
const KILL = JSON.stringify({ do: "kill-pod", site: "c2", pod: "web-1" });

describe("the console on loopback", () => {
  test("serves its page for every view, its files, and what the observer answers", async () => {
    await using server = served();
    for (const path of ["/", "/index.html", "/services/shop/web", "/flows?status=5xx"]) {
      const answer = await server.ask(path);
      expect([path, answer.status]).toEqual([path, 200]);
      expect(await answer.text()).toContain("<title>Isthmus</title>");
      expect(answer.headers.get("cache-control")).toBe("no-cache");
    }
    const script = await server.ask("/assets/main-1.js");
    expect(script.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(script.headers.get("cache-control")).toContain("immutable");
    expect(await (await server.ask("/api/v1/network")).json()).toMatchObject({ atMs: 1 });
    expect((await server.ask("/api/v1/nothing")).status).toBe(404);
    expect((await server.ask("/nothing.js")).status).toBe(404);
  });

  test("answers 304 to who has the page already", async () => {
    await using server = served();
    const etag = (await server.ask("/")).headers.get("etag") ?? "";
    const answer = await server.ask("/", { headers: { "if-none-match": etag } });
    expect([answer.status, await answer.text()]).toEqual([304, ""]);
  });

  test("says with every answer that nobody may frame it, sniff it, or run what stands in the page", async () => {
    await using server = served();
    for (const path of [
      "/",
      "/assets/main-1.js",
      "/api/v1/network",
      "/api/v1/nothing",
      "/healthz",
      "/x.js",
    ]) {
      const { headers } = await server.ask(path);
      for (const [name, value] of Object.entries(SECURITY_HEADERS))
        expect([path, name, headers.get(name)]).toEqual([path, name, value]);
      const cors = [...headers.keys()].filter((name) => name.startsWith("access-control-"));
      expect(cors).toEqual([]);
    }
    const policy = SECURITY_HEADERS["content-security-policy"] ?? "";
    expect(policy).not.toContain("unsafe");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("default-src 'none'");
  });

  test("stores nothing of what the observer says", async () => {
    await using server = served();
    expect((await server.ask("/api/v1/network")).headers.get("cache-control")).toBe("no-store");
  });

  test("answers HEAD as GET without a body, and keeps no stream for it", async () => {
    await using server = served();
    for (const path of ["/", "/api/v1/network", "/api/v1/about"]) {
      const answer = await server.ask(path, {
        method: "HEAD",
        headers: { accept: "text/event-stream" },
      });
      expect([path, answer.status, await answer.text()]).toEqual([path, 200, ""]);
    }
    expect(server.console.streams).toBe(0);
  });
});

describe("a name that was pointed here (DNS rebinding)", () => {
  test("is refused, whatever is asked for", async () => {
    await using server = served();
    const { port } = server.console;
    const names = [
      "evil.example",
      `evil.example:${port}`,
      "localhost.evil.example",
      "127.0.0.1.evil.example",
    ];
    for (const host of [...names, "evil.example@localhost", "", "localhost, evil.example", "[::1].evil"]) {
      for (const path of ["/", "/api/v1/network", "/api/v1/about", "/healthz"]) {
        const { answer } = await rawRequest(
          port,
          `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
        );
        expect([host, path, answer.split("\r\n")[0]]).toEqual([
          host,
          path,
          "HTTP/1.1 421 Misdirected Request",
        ]);
      }
    }
    expect(server.console.refused.get("host")).toBe(32);
  });

  test("is no name that was given on purpose, nor an address, nor localhost", async () => {
    await using server = served({ hosts: ["Console.Example"] });
    const { port } = server.console;
    for (const host of ["localhost:9999", "127.0.0.1", "[::1]:8460", "10.1.2.3", "console.example"]) {
      const { answer } = await rawRequest(
        port,
        `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );
      expect([host, answer.split("\r\n")[0]]).toEqual([host, "HTTP/1.1 200 OK"]);
    }
  });
});

describe("a page of another origin", () => {
  test("reads nothing: not the views, not the token, not a file", async () => {
    await using server = served();
    for (const site of ["cross-site", "same-site"]) {
      for (const path of ["/api/v1/network", "/api/v1/about", "/assets/main-1.js"]) {
        const answer = await server.ask(path, { headers: { origin: FOREIGN, "sec-fetch-site": site } });
        expect([site, path, answer.status]).toEqual([site, path, 403]);
      }
      const page = { "sec-fetch-site": site, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "empty" };
      expect((await server.ask("/", { headers: page })).status).toBe(403);
    }
    // An old browser says Origin only.
    const old = await server.ask("/api/v1/network", { headers: { origin: FOREIGN } });
    expect(old.status).toBe(403);
    expect(server.console.refused.get("cross-origin")).toBe(9);
  });

  test("may lead a person to a page by a link", async () => {
    await using server = served();
    const headers = {
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    };
    expect((await server.ask("/flows", { headers })).status).toBe(200);
  });

  test("cannot show the console in a frame, also where frame-ancestors is not known", async () => {
    await using server = served();
    for (const destination of ["iframe", "frame", "embed", "object", "fencedframe"]) {
      for (const site of ["cross-site", "same-site", "same-origin"]) {
        const headers = {
          "sec-fetch-site": site,
          "sec-fetch-mode": "navigate",
          "sec-fetch-dest": destination,
        };
        expect((await server.ask("/", { headers })).status).toBe(403);
      }
    }
  });

  test("gets no leave for a header of its own (CORS preflight)", async () => {
    await using server = served();
    const answer = await server.ask("/api/v1/controls", {
      method: "OPTIONS",
      headers: {
        origin: FOREIGN,
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-isthmus-csrf",
      },
    });
    expect(answer.status).toBe(403);
    expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
  });

  test("changes nothing, by no kind of form and by no fetch, even with the right token", async () => {
    await using server = served();
    const csrf = await csrfOf(server);
    const types = [
      "application/json",
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
    ];
    for (const type of types) {
      for (const headers of [
        { origin: FOREIGN },
        { origin: "null" },
        { origin: FOREIGN, "sec-fetch-site": "cross-site" },
        { origin: `http://127.0.0.1:${server.console.port + 1}`, "sec-fetch-site": "same-site" },
        { "sec-fetch-site": "cross-site" },
      ]) {
        const answer = await server.ask("/api/v1/controls", {
          method: "POST",
          headers: { ...headers, "content-type": type, "x-isthmus-csrf": csrf },
          body: KILL,
        });
        expect([type, answer.status]).toEqual([type, 403]);
      }
    }
    expect(server.performed).toEqual([]);
  });
});

describe("a change", () => {
  test("needs the token of this console, and a body that says what", async () => {
    await using server = served();
    const post = (headers: Record<string, string>, body = KILL): Promise<Response> =>
      server.ask("/api/v1/controls", { method: "POST", headers: { ...JSON_TYPE, ...headers }, body });
    const csrf = await csrfOf(server);
    expect((await post({})).status).toBe(403);
    expect((await post({ "x-isthmus-csrf": "" })).status).toBe(403);
    expect((await post({ "x-isthmus-csrf": `${csrf}A` })).status).toBe(403);
    expect((await post({ "x-isthmus-csrf": csrf, "content-type": "text/plain" })).status).toBe(415);
    for (const body of [
      "",
      "[]",
      "null",
      "{",
      '{"do":"format"}',
      '{"do":"kill-pod","site":"c2"}',
      '{"do":"scale","site":"c2","service":"a/b","replicas":1e9}',
      '{"do":"scale","site":"c2","service":"a/b","replicas":1.5}',
      '{"do":"load","site":"c2","service":"a/b","rps":501}',
      '{"do":"load","site":"c2","service":"a/b","rps":-1}',
      `{"do":"cut-link","link":"${"x".repeat(600)}"}`,
    ]) {
      expect([body, (await post({ "x-isthmus-csrf": csrf }, body)).status]).toEqual([body, 400]);
    }
    expect(server.performed).toEqual([]);
    const done = await post({ "x-isthmus-csrf": csrf, origin: server.console.url });
    expect([done.status, await done.json()]).toEqual([200, { ok: true, message: "done" }]);
    expect(server.performed).toEqual([{ do: "kill-pod", site: "c2", pod: "web-1" }]);
  });

  test("is never made by GET or HEAD, nor by any other method", async () => {
    await using server = served();
    const csrf = await csrfOf(server);
    for (const method of ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"]) {
      const answer = await server.ask("/api/v1/controls?do=kill-pod&site=c2&pod=web-1", {
        method,
        headers: { "x-isthmus-csrf": csrf },
      });
      expect([method, answer.status]).toEqual([method, 405]);
    }
    for (const path of ["/", "/api/v1/network", "/assets/main-1.js"]) {
      const answer = await server.ask(path, { method: "POST", body: "" });
      expect([path, answer.status, answer.headers.get("allow")]).toEqual([path, 405, "GET, HEAD"]);
    }
    expect(server.performed).toEqual([]);
  });

  test("does not exist where the clusters are no sandbox", async () => {
    await using server = served({ readOnly: true });
    const answer = await server.ask("/api/v1/controls", {
      method: "POST",
      headers: { ...JSON_TYPE, "x-isthmus-csrf": await csrfOf(server) },
      body: KILL,
    });
    expect(answer.status).toBe(404);
  });
});

describe("what is too much", () => {
  test("a body over the bound is refused before it is read", async () => {
    await using server = served();
    const headers = { ...JSON_TYPE, "x-isthmus-csrf": await csrfOf(server) };
    const post = (bytes: number): Promise<Response> =>
      server.ask("/api/v1/controls", { method: "POST", headers, body: "x".repeat(bytes) });
    expect((await post(5000)).status).toBe(413);
    expect((await post(1_000_000)).status).toBe(413);
    const { answer, closed } = await rawRequest(
      server.console.port,
      `POST /api/v1/controls HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n`,
    );
    expect([answer.split(" ")[1], closed]).toEqual(["413", true]);
    expect(server.performed).toEqual([]);
  });

  test("a head over the bound is refused", async () => {
    await using server = served();
    const { answer, closed } = await rawRequest(
      server.console.port,
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"y".repeat(100_000)}\r\n\r\n`,
    );
    expect([answer.split(" ")[1], closed]).toEqual(["431", true]);
  });

  test("streams are bounded, and one that ends makes room", async () => {
    await using server = served({ maxStreams: 3 });
    const open = async (): Promise<{ status: number; stop: () => void }> => {
      const stop = new AbortController();
      const headers = { accept: "text/event-stream" };
      const answer = await server.ask("/api/v1/network", { headers, signal: stop.signal });
      if (answer.status === 200) await answer.body?.getReader().read();
      return { status: answer.status, stop: () => stop.abort() };
    };
    const three = [await open(), await open(), await open()];
    expect(three.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect([(await open()).status, server.console.streams]).toEqual([503, 3]);
    expect((await server.ask("/api/v1/network")).status).toBe(200);
    three[0]?.stop();
    const end = performance.now() + 10_000;
    while (server.console.streams === 3 && performance.now() < end) await Bun.sleep(5);
    expect((await open()).status).toBe(200);
    for (const { stop } of three) stop();
  });

  test("who sends a head or a body drop by drop is closed, while others are served", async () => {
    await using server = served({ idleSeconds: 1 });
    const drip = async (text: string): Promise<boolean> => {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const socket = await Bun.connect({
        hostname: "127.0.0.1",
        port: server.console.port,
        socket: { data: () => undefined, close: () => resolve(true), error: () => resolve(true) },
      });
      socket.write(text);
      const timer = setInterval(() => socket.write("a"), 200);
      const giveUp = setTimeout(() => resolve(false), 40_000);
      const closed = await promise;
      clearInterval(timer);
      clearTimeout(giveUp);
      socket.end();
      return closed;
    };
    const slow = Promise.all([
      ...Array.from({ length: 100 }, () => drip("GET / HTTP/1.1\r\nHost: localhost\r\nX: ")),
      drip("G"),
      drip(""),
      drip("POST /api/v1/controls HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n"),
    ]);
    for (let i = 0; i < 20; i++) expect((await server.ask("/api/v1/network")).status).toBe(200);
    expect((await slow).every(Boolean)).toBe(true);
  }, 60_000);

  test("who follows a view and does not read is not written to, and closed", async () => {
    let bytes = 0;
    const chunk = new Uint8Array(65_536).fill(32);
    await using server = served({
      idleSeconds: 1,
      api: () => {
        const body = new ReadableStream({
          pull(controller) {
            bytes += chunk.length;
            controller.enqueue(chunk);
          },
        });
        return Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } }));
      },
    });
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: server.console.port,
      socket: { data: () => undefined },
    });
    socket.pause();
    socket.write("GET /api/v1/network HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n");
    const end = performance.now() + 30_000;
    const until = async (streams: number): Promise<void> => {
      while (server.console.streams !== streams && performance.now() < end) await Bun.sleep(5);
    };
    await until(1);
    await until(0);
    expect(server.console.streams).toBe(0);
    // What fits into the buffers of two sockets, and no more.
    expect(bytes).toBeLessThan(64 * 1024 * 1024);
    socket.end();
  }, 60_000);

  test("paths lead nowhere outside", async () => {
    await using server = served();
    const paths = [
      "/../../etc/passwd",
      "/..%2f..%2fetc%2fpasswd",
      "/%2e%2e/%2e%2e/etc/passwd",
      "/assets/../../../../etc/hosts.conf",
      "/assets/%00main-1.js",
      "/assets\\..\\..\\main-1.js",
      "//etc/passwd.txt",
      "/assets//main-1.js",
    ];
    for (const path of paths) {
      const { answer } = await rawRequest(
        server.console.port,
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      const [head = "", body = ""] = answer.split("\r\n\r\n");
      // A path without an extension is a view, which is the one page; all else is not there.
      const status = head.split(" ")[1];
      expect([path, status === "404" || status === "400" || body.includes("<title>Isthmus</title>")]).toEqual(
        [path, true],
      );
      expect(body).not.toContain("root:");
    }
  });
});

describe("outside loopback", () => {
  const listen = { hostname: "0.0.0.0", port: 0 };
  const auth = { mode: "password", password: "correct horse" } as const;

  test("there is no console without authentication, and none in clear text", async () => {
    const { certificate, key } = await createServerCertificate({ hosts: ["localhost"], now: Date.now() });
    const tls = { cert: certificate, key };
    expect(() => served({ listen })).toThrow("needs a password");
    expect(() => served({ listen, tls })).toThrow("needs a password");
    expect(() => served({ listen, auth })).toThrow("clear text");
    await using server = served({ listen, auth, tls });
    expect(server.console.url).toStartWith("https://");
  });

  test("a port that is in use is said so, with another one as hint", async () => {
    await using server = served();
    const taken = { hostname: "127.0.0.1", port: server.console.port };
    expect(() => served({ listen: taken })).toThrow(
      expect.objectContaining({
        code: "ADDRESS_IN_USE",
        hint: `Choose another port: isthmus console --port ${taken.port + 1}`,
      }),
    );
  });
});
