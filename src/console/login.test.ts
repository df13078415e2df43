import { describe, expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { createServerCertificate } from "#pki/tls-server.ts";
import { localPath } from "./login.ts";
import { newPassword } from "./password.ts";
import { csrfOf, type Served, served } from "./testing/served.ts";

const PASSWORD = "correct horse battery";
const auth = { mode: "password", password: PASSWORD } as const;
const OWN = { "sec-fetch-site": "same-origin" };

function logIn(server: Served, form: Record<string, string>, headers: Record<string, string> = OWN) {
  return server.ask("/login", { method: "POST", headers, body: new URLSearchParams(form) });
}

function cookieOf(answer: Response): string {
  return (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
}

function flagsOf(answer: Response): string[] {
  return (answer.headers.get("set-cookie") ?? "").split("; ").slice(1);
}

function ask(server: Served, headers: Record<string, string>): Promise<Response> {
  return server.ask("/api/v1/network", { headers });
}

describe("a console with a password", () => {
  test("shows nothing without it, and leads a person to the login page and back to the view", async () => {
    await using server = served({ auth });
    for (const path of [
      "/api/v1/network",
      "/api/v1/about",
      "/api/v1/nothing",
      "/assets/main-1.js",
      "/metrics",
    ]) {
      const answer = await server.ask(path, { headers: path === "/metrics" ? { accept: "text/plain" } : {} });
      const seen = path === "/metrics" ? 303 : 401;
      expect([path, answer.status]).toEqual([path, seen]);
    }
    const sent = await server.ask("/flows?status=5xx");
    expect([sent.status, sent.headers.get("location")]).toEqual([303, "/login?next=%2Fflows%3Fstatus%3D5xx"]);
    const page = await server.ask("/login?next=%2Fflows%3Fstatus%3D5xx");
    const text = await page.text();
    expect(text).toContain('name="next" value="/flows?status=5xx"');
    expect(text).not.toMatch(/<script|<style| style=| on\w+=/);
    const inside = await logIn(server, { password: PASSWORD, next: "/flows?status=5xx" });
    expect([inside.status, inside.headers.get("location")]).toEqual([303, "/flows?status=5xx"]);
    const cookie = cookieOf(inside);
    expect((await server.ask("/api/v1/network", { headers: { cookie } })).status).toBe(200);
    expect((await server.ask("/flows", { headers: { cookie } })).status).toBe(200);
    expect((await server.ask("/login", { headers: { cookie } })).headers.get("location")).toBe("/");
  });

  test("gives a cookie that scripts and other sites cannot use, over TLS for TLS only", async () => {
    const { certificate, key, ca } = await createServerCertificate({ hosts: ["127.0.0.1"], now: Date.now() });
    await using plain = served({ auth });
    await using safe = served({ auth, tls: { cert: certificate, key } });
    const first = await logIn(plain, { password: PASSWORD });
    expect(flagsOf(first)).toEqual(["Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=43200"]);
    const second = await safe.ask("/login", {
      method: "POST",
      headers: OWN,
      body: new URLSearchParams({ password: PASSWORD }),
      tls: { ca },
    });
    expect(flagsOf(second)).toContain("Secure");
    expect(cookieOf(second)).toStartWith("__Host-");
  });

  test("takes a login from its own page only", async () => {
    await using server = served({ auth });
    for (const headers of [
      { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
      { origin: "null" },
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "none" },
      {},
    ]) {
      const answer = await logIn(server, { password: PASSWORD }, headers);
      expect([answer.status, answer.headers.get("set-cookie")]).toEqual([403, null]);
    }
    const old = await logIn(server, { password: PASSWORD }, { origin: server.console.url });
    expect(old.status).toBe(303);
    // A form of a page with "no-referrer", which ours are.
    const form = await logIn(server, { password: PASSWORD }, { origin: "null", ...OWN });
    expect(form.status).toBe(303);
  });

  test("lets programs in by Authorization: Bearer, and nobody by a password in another place", async () => {
    await using server = served({ auth });
    expect((await ask(server, { authorization: `Bearer ${PASSWORD.replaceAll(" ", "")}` })).status).toBe(401);
    expect((await ask(server, { authorization: `Basic ${btoa(`isthmus:${PASSWORD}`)}` })).status).toBe(401);
    const word = newPassword();
    await using other = served({ auth: { mode: "password", password: word } });
    const answer = await other.ask("/api/v1/network", { headers: { authorization: `Bearer ${word}` } });
    expect(answer.status).toBe(200);
    expect((await other.ask(`/api/v1/network?password=${word}`)).status).toBe(401);
  });

  test("has a token for each session: that of another one changes nothing", async () => {
    await using server = served({ auth });
    const [one, two] = [
      cookieOf(await logIn(server, { password: PASSWORD })),
      cookieOf(await logIn(server, { password: PASSWORD })),
    ];
    const post = (cookie: string, csrf: string): Promise<Response> =>
      server.ask("/api/v1/controls", {
        method: "POST",
        headers: { cookie, "content-type": "application/json", "x-isthmus-csrf": csrf },
        body: JSON.stringify({ do: "cut-link", link: "c2/c1" }),
      });
    const csrf = await csrfOf(server, { cookie: one });
    expect((await post(two, csrf)).status).toBe(403);
    expect((await post("", csrf)).status).toBe(401);
    expect((await post(one, csrf)).status).toBe(200);
    expect(server.performed).toHaveLength(1);
  });

  test("ends a session when asked to by its own page, after 12 h, and its streams with it", async () => {
    const clock = new FakeClock();
    await using server = served({ auth, clock });
    const cookie = cookieOf(await logIn(server, { password: PASSWORD }));
    const stream = await server.ask("/api/v1/network", {
      headers: { cookie, accept: "text/event-stream" },
    });
    const reader = stream.body?.getReader();
    await reader?.read();
    expect(
      (
        await server.ask("/logout", {
          method: "POST",
          headers: { cookie, ...OWN },
          body: new URLSearchParams({}),
        })
      ).status,
    ).toBe(403);
    const page = await (await server.ask("/logout", { headers: { cookie } })).text();
    const csrf = /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? "";
    const out = await server.ask("/logout", {
      method: "POST",
      headers: { cookie, ...OWN },
      body: new URLSearchParams({ csrf }),
    });
    expect([out.status, out.headers.get("location")]).toEqual([303, "/login"]);
    expect((await reader?.read())?.done).toBe(true);
    expect((await server.ask("/api/v1/network", { headers: { cookie } })).status).toBe(401);

    const later = cookieOf(await logIn(server, { password: PASSWORD }));
    clock.advance(12 * 3_600_000 - 1);
    expect((await server.ask("/api/v1/network", { headers: { cookie: later } })).status).toBe(200);
    clock.advance(1);
    expect((await server.ask("/api/v1/network", { headers: { cookie: later } })).status).toBe(401);
  });

  test("bounds guesses: of 10,000 in an hour not 366 are compared, and the right one must wait too", async () => {
    const clock = new FakeClock();
    await using server = served({ auth, clock });
    let looked = 0;
    for (let guess = 0; guess < 10_000; guess++) {
      const answer = await logIn(server, { password: `guess ${guess}` });
      if (answer.status === 401) looked++;
      else expect(answer.status).toBe(429);
      clock.advance(360);
    }
    // 5 at once, then one in 10 s.
    expect(looked).toBeGreaterThan(350);
    expect(looked).toBeLessThanOrEqual(365);
    const { status } = await logIn(server, { password: "one more" });
    const now = await logIn(server, { password: PASSWORD });
    const seconds = Number(now.headers.get("retry-after"));
    expect([status === 401 || status === 429, now.status]).toEqual([true, 429]);
    expect(await now.text()).toContain(`Too many wrong passwords: try again in ${seconds} s`);
    clock.advance(seconds * 1000);
    expect((await logIn(server, { password: PASSWORD })).status).toBe(303);
  }, 60_000);

  test("keeps 256 sessions at most: the oldest goes", async () => {
    await using server = served({ auth });
    const first = cookieOf(await logIn(server, { password: PASSWORD }));
    for (let i = 0; i < 256; i++) await logIn(server, { password: PASSWORD });
    expect((await server.ask("/api/v1/network", { headers: { cookie: first } })).status).toBe(401);
  });

  test("answers probes, which tell nothing", async () => {
    await using server = served({ auth });
    const answer = await server.ask("/healthz");
    expect([answer.status, await answer.text()]).toEqual([200, "ok\n"]);
  });
});

test("after a login nobody is led elsewhere", () => {
  for (const text of ["/flows?a=b", "/services/shop/web"]) expect(localPath(text)).toBe(text);
  for (const text of [
    null,
    "",
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/a\\b",
    "javascript:alert(1)",
    "/a\r\nset-cookie: x=y",
    "/logout",
    "/login?next=/",
  ]) {
    expect([text, localPath(text)]).toEqual([text, "/"]);
  }
});

describe("a console behind a proxy that knows the user", () => {
  test("believes the header from the stated addresses, and is closed for all others", async () => {
    const header = "x-forwarded-user";
    await using near = served({ auth: { mode: "proxy", header, addresses: ["127.0.0.0/8"] } });
    expect((await ask(near, { [header]: "ada" })).status).toBe(200);
    expect((await ask(near, {})).status).toBe(403);
    expect((await ask(near, { [header]: " " })).status).toBe(403);
    expect((await near.ask("/")).status).toBe(403);
    await using far = served({ auth: { mode: "proxy", header, addresses: ["10.0.0.0/8", "fd00::/8"] } });
    expect((await ask(far, { [header]: "ada" })).status).toBe(403);
    expect(far.console.refused.get("proxy")).toBe(1);
  });

  test("does not start with an address that is none", () => {
    for (const one of ["proxy.example", "10.0.0.0/33", "10.0.0.0/x", ""]) {
      expect(() => served({ auth: { mode: "proxy", header: "x-user", addresses: [one] } })).toThrow(
        "no address of a proxy",
      );
    }
  });

  test("has a token for each user", async () => {
    const header = "x-forwarded-user";
    await using server = served({ auth: { mode: "proxy", header, addresses: ["127.0.0.1"] } });
    const [ada, bob] = [await csrfOf(server, { [header]: "ada" }), await csrfOf(server, { [header]: "bob" })];
    expect(ada).not.toBe(bob);
  });
});
