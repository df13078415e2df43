import { expect, test } from "bun:test";
import type { NetworkView, ServicesView } from "#observe/views.ts";
import { Playground } from "../e2e/lib/playground.ts";
import { eventually } from "../lib/linked-clusters.ts";

const SCRIPT = Bun.which("script");
if (SCRIPT === null) console.log("notice: no script(1) here: the demo was not watched on a terminal");

test.skipIf(SCRIPT === null)(
  "on a terminal the demo's console stays, with traffic from each cluster, until Ctrl-C, which leaves nothing",
  async () => {
    await using playground = new Playground();
    const program = `'${process.execPath}' '${new URL("../../src/bin/isthmus.ts", import.meta.url).pathname}'`;
    const child = Bun.spawn([SCRIPT ?? "", "-qefc", `${program} demo --scenario 1`, "/dev/null"], {
      cwd: playground.home,
      env: { ...process.env, ISTHMUS_HOME: playground.home, NO_COLOR: "1" },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
    });
    const decoder = new TextDecoder();
    let said = "";
    const stays = Promise.withResolvers<void>();
    const told = (async () => {
      for await (const chunk of child.stdout) {
        said += decoder.decode(chunk, { stream: true });
        if (said.includes("Ctrl-C ends it")) stays.resolve();
      }
      stays.resolve();
    })();
    await stays.promise;
    const url = /See it in a browser: (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1] ?? "";
    expect(url).not.toBe("");
    // A count is not disturbed by the load: it is exact.
    expect(said).toContain("500   50.0 %");
    const network = await eventually(async () => {
      const view = (await (await fetch(`${url}/api/v1/network`)).json()) as NetworkView;
      const busy = new Set(view.sites.filter(({ rps }) => rps > 0).map(({ name }) => name));
      return busy.size === 3 ? view : undefined;
    }, 60_000);
    expect(network.links.map(({ state }) => state)).toEqual(["up", "up"]);
    const services = await eventually(async () => {
      const view = (await (await fetch(`${url}/api/v1/services`)).json()) as ServicesView;
      // The count has left the window of the rates, and the load is in it.
      return view.services.every(({ load }) => load.rps > 1 && load.rps < 12) ? view.services : undefined;
    }, 60_000);
    expect(services.map(({ service }) => service).toSorted()).toEqual([
      "interconnect/greeter",
      "interconnect/sample-app",
    ]);
    for (const { load } of services) expect(load.successPercent).toBe(100);
    await child.stdin.write("\u0003");
    await child.stdin.flush();
    expect(await child.exited).toBe(130);
    await told;
    expect(await playground.leftovers()).toEqual([]);
    await expect(fetch(url)).rejects.toThrow();
  },
  300_000,
);
