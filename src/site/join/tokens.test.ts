import { expect, test } from "bun:test";
import type { AccessToken } from "#api/kinds/access-token.ts";
import type { Site } from "#api/kinds/site.ts";
import { RESOURCES } from "#api/resources.ts";
import { systemClock } from "#core/clock.ts";
import { RedeemError } from "./join-client.ts";
import { TestSite } from "../testing/test-site.ts";
import { Tokens } from "./tokens.ts";

test("a token whose answer was lost is tried again with the same keys, another token with others", async () => {
  await using site = new TestSite();
  site.install();
  const asked: string[] = [];
  const tokens = new Tokens({
    client: site.client,
    namespace: "shop",
    clock: systemClock,
    secrets: { identity: () => Promise.resolve(undefined), save: () => Promise.resolve() },
    redeem: ({ keys }) => {
      asked.push(keys?.client ?? "");
      return Promise.reject(new RedeemError("Unreachable", "The connection was cut"));
    },
  });
  site.put(RESOURCES.secrets, { metadata: { name: "code" }, data: { code: "eA==" } });
  const attempt = async (name: string): Promise<void> => {
    const token = site.read(RESOURCES.accessTokens, name) as AccessToken;
    const here = site.read(RESOURCES.sites, "c1") as Site;
    expect(await tokens.reconcile(token, here).catch((error: unknown) => error)).toBeInstanceOf(RedeemError);
  };
  for (const name of ["a", "b"]) {
    site.put(RESOURCES.accessTokens, {
      metadata: { name, generation: 1 },
      spec: { url: "https://127.0.0.1:1", ca: "ca", network: "net", codeSecret: "code" },
    });
  }
  await attempt("a");
  await attempt("a");
  await attempt("b");
  tokens.forget(site.read(RESOURCES.accessTokens, "a") as AccessToken);
  await attempt("a");
  const [first, second, other, later] = asked;
  expect(first).toContain("PRIVATE KEY");
  expect(second).toBe(first ?? "");
  expect(new Set([first, other, later]).size).toBe(3);
});
