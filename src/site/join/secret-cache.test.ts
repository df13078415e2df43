import { expect, test } from "bun:test";
import { RESOURCES } from "#api/resources.ts";
import { systemClock } from "#core/clock.ts";
import { systemRandom } from "#core/random.ts";
import { SecretCache } from "./secret-cache.ts";
import { eventually, TestSite } from "../testing/test-site.ts";

test("a refresh that comes just when a reading ends is not lost in it", async () => {
  await using site = new TestSite();
  site.put(RESOURCES.secrets, { metadata: { name: "one" }, data: { value: "MQ==" } });
  const { client } = site;
  const cache = new SecretCache({
    client,
    namespace: "shop",
    names: ["one"],
    clock: systemClock,
    random: systemRandom,
  });
  cache.onChange(() =>
    // After the reading has looked for the last time whether it is to read again, before its end is known to those who wait.
    queueMicrotask(() => {
      if (cache.get("one")?.data?.["value"] !== "MQ==") return;
      site.put(RESOURCES.secrets, { metadata: { name: "one" }, data: { value: "Mg==" } });
      void cache.refresh();
    }),
  );
  cache.start();
  // Without it the change would be seen after 15 s.
  await eventually(() => cache.get("one")?.data?.["value"] === "Mg==", 2000);
  expect(cache.get("one")?.data).toEqual({ value: "Mg==" });
  await cache.stop();
});
