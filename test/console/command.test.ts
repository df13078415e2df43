import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { AboutView } from "#observe/views.ts";
import { LinkedClusters } from "../lib/linked-clusters.ts";

const clusters = new LinkedClusters("c1");

beforeAll(() => clusters.up(), 60_000);
afterAll(() => clusters.down(), 60_000);

/** Starts `isthmus console` and gives it with the address that it prints. */
async function started(
  ...words: string[]
): Promise<{ child: Bun.Subprocess; url: string; rest: Promise<string> }> {
  const child = clusters.playground.start(["--context", "sandbox-c1", "console", "--no-open", ...words]);
  const reader = child.stdout.getReader();
  let said = "";
  let url: string | undefined;
  while (url === undefined) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The console ended: ${said}${await new Response(child.stderr).text()}`);
    said += new TextDecoder().decode(value);
    url = /https?:\/\/\S+/.exec(said)?.[0];
  }
  return { child, url, rest: new Response(child.stderr).text() };
}

describe("isthmus console", () => {
  test("serves the site of the context, with controls in a sandbox, and ends on Ctrl-C with exit code 0", async () => {
    const { child, url } = await started("--port", "0");
    const about = (await (await fetch(`${url}/api/v1/about`)).json()) as AboutView;
    expect([about.site, about.sandbox, about.cli]).toEqual(["c1", true, "isthmus --context sandbox-c1"]);
    expect(await (await fetch(`${url}/services`)).text()).toContain("<title>Isthmus</title>");
    child.kill("SIGINT");
    expect(await child.exited).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  }, 60_000);

  test("says which port to try when one is in use", async () => {
    const { child, url } = await started("--port", "0");
    const { port } = new URL(url);
    const second = await clusters.playground.run(
      "--context",
      "sandbox-c1",
      "console",
      "--no-open",
      "--port",
      port,
    );
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`error: Cannot serve the console on 127.0.0.1:${port}: it is in use`);
    expect(second.stderr).toContain(`hint: Choose another port: isthmus console --port ${Number(port) + 1}`);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  }, 60_000);

  test("is not served to others without a password, and with one over TLS only", async () => {
    const refused = await clusters.playground.run(
      "--context",
      "sandbox-c1",
      "console",
      "--listen",
      "0.0.0.0",
      "--port",
      "0",
    );
    expect([refused.code, refused.stderr.split("\n")[0]]).toEqual([
      2,
      "error: The console shows who talks to whom: on 0.0.0.0, which others reach, it needs a password",
    ]);
    const file = clusters.playground.file("password.txt");
    await Bun.write(file, "correct-horse\n");
    const { child, url } = await started("--listen", "0.0.0.0", "--port", "0", "--password-file", file);
    expect(url).toStartWith("https://");
    const { port } = new URL(url);
    const tls = { rejectUnauthorized: false };
    const at = `https://127.0.0.1:${port}/api/v1/about`;
    expect((await fetch(at, { tls })).status).toBe(401);
    const headers = { authorization: "Bearer correct-horse" };
    expect((await fetch(at, { tls, headers })).status).toBe(200);
    child.kill("SIGINT");
    expect(await child.exited).toBe(0);
  }, 60_000);

  test("says how to get a console into the cluster", async () => {
    const none = await clusters.playground.run("--context", "sandbox-c1", "console", "--in-cluster");
    expect([none.code, none.stderr]).toEqual([
      1,
      `error: Site "c1" has no console in its cluster\nhint: kubectl --context sandbox-c1 patch site c1 --type merge -p '{"spec":{"console":{"enabled":true}}}'\n`,
    ]);
  });

  test("keeps history for each site, and goes on with it after a new start", async () => {
    const data = clusters.playground.file("history");
    const first = await started("--port", "0", "--data", data);
    const { historyFromMs } = (await (await fetch(`${first.url}/api/v1/about`)).json()) as AboutView;
    first.child.kill("SIGINT");
    await first.child.exited;
    const second = await started("--port", "0", "--data", data);
    const about = (await (await fetch(`${second.url}/api/v1/about`)).json()) as AboutView;
    second.child.kill("SIGINT");
    await second.child.exited;
    expect(about.startedMs).toBeGreaterThan(historyFromMs);
    expect(about.historyFromMs).toBeLessThanOrEqual(historyFromMs);
  }, 60_000);
});
