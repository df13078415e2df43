import { expect, test } from "bun:test";
import type { OpenConsole } from "#console/open-console.ts";
import type { KubeClient } from "#kube/client.ts";
import { MemoryIo } from "../testing/memory-io.ts";
import { Life, type LifeOptions } from "./life.ts";
import { Narrator } from "./narrator.ts";

/** A cluster whose Service `app` is this server. */
function cluster(port: number): KubeClient {
  const service = { spec: { clusterIP: "127.0.0.1", ports: [{ port }] } };
  const client: Pick<KubeClient, "find"> = { find: () => Promise.resolve(service as never) };
  return client as KubeClient;
}

function opened(onStop: () => void): OpenConsole {
  return {
    console: { url: "http://127.0.0.1:1" },
    stop: () => Promise.resolve(onStop()),
  } as unknown as OpenConsole;
}

async function scene(open: LifeOptions<"c1">["openConsole"] & object) {
  let requests = 0;
  let asked = Promise.withResolvers<void>();
  const app = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => {
      requests++;
      asked.resolve();
      return new Response("ok");
    },
  });
  const io = new MemoryIo();
  const life = new Life({
    clients: new Map([["c1", cluster(app.port ?? 0)] as const]),
    home: "c1",
    namespace: "default",
    signal: new AbortController().signal,
    openConsole: open,
  });
  await life.open(new Narrator(io, "out"));
  life.keepAsking([{ cluster: "c1", service: "app" }]);
  return {
    life,
    io,
    requests: () => requests,
    untilAsked(): Promise<void> {
      asked = Promise.withResolvers();
      return asked.promise;
    },
    [Symbol.asyncDispose]: () => app.stop(true),
  };
}

test("asks a few times a second, not at all while something is counted, and never again at the end", async () => {
  let stopped = false;
  await using one = await scene(() =>
    Promise.resolve(
      opened(() => {
        stopped = true;
      }),
    ),
  );
  expect(one.io.stdout).toContain("See it in a browser: http://127.0.0.1:1");
  await one.untilAsked();
  await one.life.quietly(async () => {
    const before = one.requests();
    await Bun.sleep(1000);
    expect(one.requests()).toBe(before);
  });
  await one.untilAsked();
  await one.life.end();
  expect([stopped, one.life.url]).toEqual([true, undefined]);
  const before = one.requests();
  await Bun.sleep(700);
  expect(one.requests()).toBe(before);
}, 30_000);

test("takes another port when its own is in use, and goes on without a console when there can be none", async () => {
  const ports: number[] = [];
  await using other = await scene((port) => {
    ports.push(port);
    return port === 0 ? Promise.resolve(opened(() => {})) : Promise.reject(new Error("in use"));
  });
  expect([ports, other.life.url]).toEqual([[8460, 0], "http://127.0.0.1:1"]);
  await other.life.end();
  await using none = await scene(() => Promise.reject(new Error("The console does not build")));
  expect(none.io.stdout).toContain("There is no console to look at: The console does not build");
  expect(await none.life.quietly(() => Promise.resolve("counted"))).toBe("counted");
  await none.life.end();
  expect(none.requests()).toBe(0);
}, 30_000);
