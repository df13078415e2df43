import { describe, expect, test } from "bun:test";
import type { Site } from "#api/kinds/site.ts";
import { FakeClock } from "#core/clock.ts";
import { createRoot } from "#pki/authority.ts";
import type { Identity } from "./identity.ts";
import { issueIdentity } from "../network.ts";
import { lifetimeOf, Renewal } from "./renewal.ts";

const DAY_MS = 86_400_000;
const SITE = { metadata: { name: "c1" }, spec: {} } as Site;

async function setup(options: { founder: boolean }) {
  const clock = new FakeClock(Date.now());
  const root = { network: "net", authority: await createRoot({ network: "net", now: clock.now() }) };
  const issued = await issueIdentity(root, { siteId: "me", nowMs: clock.now() });
  let identity: Identity = options.founder
    ? issued
    : { ...issued, issuer: { url: "https://issuer:7444", ca: "ca" } };
  let asked = 0;
  const renewal = new Renewal({
    clock,
    secrets: {
      identity: () => Promise.resolve(identity),
      root: () => Promise.resolve(options.founder ? root : undefined),
      save: (next) => {
        identity = next;
        return Promise.resolve();
      },
    },
    renew: async (current) => {
      asked++;
      return await issueIdentity(root, { siteId: current.siteId, nowMs: clock.now() });
    },
  });
  return { clock, renewal, current: () => identity, asked: () => asked };
}

describe("certificates", () => {
  for (const founder of [true, false]) {
    test(`of ${founder ? "the founder" : "a member"} are renewed at half of their life, and keep the site's id`, async () => {
      const { clock, renewal, current, asked } = await setup({ founder });
      const before = current();
      const { renewAtMs, endsAtMs } = lifetimeOf(before);
      expect(Math.abs(renewAtMs - clock.now() - 15 * DAY_MS)).toBeLessThan(600_000);
      expect((await renewal.reconcile(SITE)).requeueAfterMs).toBe(6 * 3_600_000);
      expect(current()).toBe(before);
      clock.advance(15 * DAY_MS);
      await renewal.reconcile(SITE);
      expect(current().client.certificate).not.toBe(before.client.certificate);
      expect(current().client.key).not.toBe(before.client.key);
      expect(current()).toMatchObject({ siteId: "me", network: "net" });
      expect(lifetimeOf(current()).endsAtMs).toBeGreaterThan(endsAtMs + 14 * DAY_MS);
      expect(asked()).toBe(founder ? 0 : 1);
    });
  }
});
