import { expect, test } from "bun:test";
import { EngineRig } from "./testing/engine.ts";
import { namedPod } from "./testing/raw-pod.ts";
import { GET, get, contains, bodyOf } from "./testing/requests.ts";

test("an affinity cookie brings a client back to its pod, and tells nothing of it", async () => {
  using rig = new EngineRig([namedPod("a"), namedPod("b"), namedPod("c")], {
    policy: { affinity: { type: "Cookie", cookie: "stick", timeoutSeconds: 60 } },
  });
  const first = await rig.engine.client();
  first.send(GET);
  const text = await contains(first, "200 OK");
  const cookie = /\r\nSet-Cookie: (stick=[0-9a-f]{8}); Path=\/; Max-Age=60; HttpOnly; SameSite=Lax\r\n/.exec(
    text,
  )?.[1];
  expect(cookie).toBeDefined();
  const pod = bodyOf(text);
  const back = await rig.engine.client();
  for (let i = 1; i <= 5; i++) {
    back.send(get("/", `Cookie: x=1; ${cookie}\r\n`));
    await back.until((one) => one.text.split("200 OK").length === i + 1);
  }
  expect(back.text).not.toContain("Set-Cookie");
  expect([...back.text.matchAll(/\r\n\r\n([abc])/g)].map((match) => match[1])).toEqual(Array(5).fill(pod));
});

test("a header decides by its hash", async () => {
  using rig = new EngineRig([namedPod("a"), namedPod("b"), namedPod("c")], {
    policy: { algorithm: "Hash", hash: { source: "Header", name: "X-User" } },
  });
  const client = await rig.engine.client();
  for (let i = 1; i <= 6; i++) {
    client.send(get("/", `X-User: u${i % 2}\r\n`));
    await client.until((one) => one.text.split("200 OK").length === i + 1);
  }
  const pods = [...client.text.matchAll(/\r\n\r\n([abc])/g)].map((match) => match[1]);
  expect(new Set([pods[0], pods[2], pods[4]]).size).toBe(1);
  expect(new Set([pods[1], pods[3], pods[5]]).size).toBe(1);
});
