import { expect, test } from "bun:test";
import { played } from "./lib/played.ts";
import { Playground } from "./lib/playground.ts";

test("the demo plays global traffic over four clusters as promised, and leaves nothing behind with --exit", async () => {
  await using playground = new Playground();
  const { steps, said, stderr } = await played(playground, "traffic");
  expect(steps).toBe(10);
  expect(said("imported")).toContain("httpbin, httpbin-cluster-1, httpbin-cluster-3");
  expect(said("from outside")).toContain("/cluster-1/httpbin-mesh,");
  expect(said("Mode Local")).toBe("connection refused");
  expect(said("Failover without pods")).toEndWith("cluster-1 150, cluster-3 150");
  expect(said("Failover with pods")).toEndWith("cluster-2 300");
  expect(said("ActiveActive")).toEndWith("cluster-1 100, cluster-2 100, cluster-3 100");
  expect(said("die under load")).toMatch(/^\d{3,} requests, 0 failed$/);
  expect(said("little by little")).toContain("100 %");
  expect(said("drains")).toEndWith("cluster-2 150, cluster-3 150");
  expect(stderr).toContain("$ curl http://");
  expect(stderr).toContain("$ isthmus explain httpbin --context sandbox-cluster-2 -n httpbin");
}, 240_000);

test("Ctrl-C takes down what the story has started", async () => {
  await using playground = new Playground();
  const child = playground.start(["demo", "traffic"]);
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  for (let said = ""; !said.includes("$ isthmus init");) {
    // oxlint-disable-next-line no-await-in-loop -- until it says so
    const { done, value } = await reader.read();
    if (done) throw new Error(`The demo ended early:\n${said}`);
    said += decoder.decode(value, { stream: true });
  }
  reader.releaseLock();
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
  expect(await playground.leftovers()).toEqual([]);
}, 60_000);
