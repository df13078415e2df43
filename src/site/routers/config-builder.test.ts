import { expect, test } from "bun:test";
import { parseConfig } from "#router/config.ts";
import { buildConfig, type ConfigInput } from "./config-builder.ts";
import { ConfigText } from "./config-text.ts";
import { createRoot } from "#pki/authority.ts";
import { issueIdentity } from "../network.ts";

const EMPTY: ConfigInput = {
  namespace: "shop",
  siteName: "east",
  fallbackId: "2b0d1bd2-5b52-4d67-b3bd-9f1f0a0b8d2e",
  identity: undefined,
  acceptLinks: true,
  links: [],
  services: [],
  listeners: [],
  policies: [],
};

const link = (name: string, host: string) => ({
  apiVersion: "isthmus.dev/v1alpha1",
  kind: "Link",
  metadata: { name, namespace: "shop" },
  spec: { endpoints: [{ host, port: 7443 }], cost: 4, lanes: 2, site: "peer" },
});

async function identity() {
  const authority = await createRoot({ network: "net", now: Date.now() });
  return await issueIdentity({ network: "net", authority }, { siteId: "abc", nowMs: Date.now() });
}

test("a site in no network has neither identity nor links, and its configuration is one that a router takes", () => {
  const config = buildConfig({ ...EMPTY, links: [link("a", "10.0.0.1")] });
  expect(config).not.toHaveProperty("links");
  expect(config).not.toHaveProperty("accept");
  expect(parseConfig(config)).toMatchObject({ ok: true });
});

test("a full configuration is one that a router takes, the same for any order of the objects", async () => {
  const exports = ["b", "a"].map((name) => ({
    service: `shop/${name}`,
    ports: [{ port: 80, protocol: "TCP" as const }],
    endpoints: [{ id: "p", name: "p", host: "10.0.0.1", ports: { "80": 8080 }, ready: true }],
  }));
  const policies = ["b", "a"].map((name) => ({
    service: `shop/${name}`,
    mode: "ActiveActive" as const,
    spread: "Cost" as const,
  }));
  const input: ConfigInput = {
    ...EMPTY,
    identity: await identity(),
    links: [link("two", "peer.example"), link("one", "fd00::1")],
    services: exports,
    listeners: [{ service: "shop/c", port: 80, listenerPort: 10_000, protocol: "http" }],
    entry: { routes: [{ path: "/a", service: "shop/a", port: 80 }] },
    policies,
  };
  const config = buildConfig(input);
  expect(parseConfig(config)).toMatchObject({ ok: true });
  const reversed = buildConfig({
    ...input,
    links: input.links.toReversed(),
    services: exports.toReversed(),
    policies: policies.toReversed(),
  });
  expect(JSON.stringify(reversed)).toBe(JSON.stringify(config));
  expect(config.links?.map(({ addresses }) => addresses[0])).toEqual(["[fd00::1]:7443", "peer.example:7443"]);
  expect(config.listeners).toEqual([
    { service: "shop/c", port: 80, listen: "${POD_IP}:10000", protocol: "http" },
  ]);
  expect(config.entry).toEqual({
    listen: "${POD_IP}:7446",
    routes: [{ path: "/a", service: "shop/a", port: 80 }],
  });
  expect(config.accept).toEqual([{ listen: "${POD_IP}:7443" }]);
});

test("a site that cannot be dialled does not listen for links", async () => {
  expect(buildConfig({ ...EMPTY, identity: await identity(), acceptLinks: false })).not.toHaveProperty(
    "accept",
  );
});

test("the text of a configuration is the JSON of it, with and without services", () => {
  const texts = new ConfigText();
  const service = { service: "shop/a", ports: [{ port: 80 }], endpoints: [] };
  for (const config of [
    buildConfig(EMPTY),
    { site: { id: "a", name: "b" } },
    buildConfig({ ...EMPTY, services: [service, service] }),
  ]) {
    expect(JSON.parse(texts.of(config))).toEqual(JSON.parse(JSON.stringify(config)));
  }
});
