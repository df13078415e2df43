import { expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "#core/clock.ts";
import { ConfigRefused, ConfigWatch, loadConfigFile } from "./control/config-file.ts";
import { parseConfig, resolveAddress } from "./config.ts";
import { eventually } from "./testing/routers.ts";

const site = { id: "a", name: "a" };
const pem = "-----BEGIN X";
const pair = { certificate: pem, key: pem };
const endpoint = { id: "p", name: "p", host: "127.0.0.1", ports: { "80": 8080 }, ready: true };
const service = { service: "ns/app", ports: [{ port: 80, protocol: "TCP" }], endpoints: [endpoint] };

test.each<[string, object, string, RegExp]>([
  ["an unknown field", { site, listenrs: [] }, "listenrs", /did you mean "listeners"/],
  [
    "an unknown field deep inside",
    { site, services: [{ ...service, endpoints: [{ ...endpoint, wieght: 1 }] }] },
    "services[0].endpoints[0].wieght",
    /"weight"/,
  ],
  ["a missing field", { site: { id: "a" } }, "site.name", /Missing/],
  ["a wrong type", { site, drain: { timeoutMs: "5s" } }, "drain.timeoutMs", /whole number.*"5s"/],
  [
    "a cost out of bounds",
    {
      site,
      identity: { network: "n", client: pair, server: pair, trust: pem },
      links: [{ name: "l", addresses: ["h:1"], cost: 0 }],
    },
    "links[0].cost",
    /from 1 to 1000, got 0/,
  ],
  [
    "a spread that is none",
    { site, policies: [{ service: "ns/app", spread: "Random" }] },
    "policies[0].spread",
    /"Endpoints", "Clusters", "Weighted", "Cost", "Latency", got "Random"/,
  ],
  ["an address without a port", { site, admin: { listen: "127.0.0.1" } }, "admin.listen", /an address like/],
  ["a port past 65535", { site, admin: { listen: "127.0.0.1:70000" } }, "admin.listen", /past 65535/],
  [
    "a service without a namespace",
    { site, listeners: [{ service: "app", port: 1, listen: "h:1" }] },
    "listeners[0].service",
    /namespace\/name/,
  ],
  [
    "two listeners on one address",
    {
      site,
      listeners: [
        { service: "n/a", port: 1, listen: "h:1" },
        { service: "n/b", port: 1, listen: "h:1" },
      ],
    },
    "listeners[1]",
    /already used by listeners\[0\]/,
  ],
  [
    "two endpoints of one id",
    { site, services: [{ ...service, endpoints: [endpoint, endpoint] }] },
    "services[0].endpoints[1]",
    /"p" is already used/,
  ],
  [
    "an endpoint port that the service has not",
    { site, services: [{ ...service, endpoints: [{ ...endpoint, ports: { "81": 1 } }] }] },
    'services[0].endpoints[0].ports["81"]',
    /not among/,
  ],
  ["links without identity", { site, accept: [{ listen: "h:1" }] }, "accept", /Needs "identity"/],
  [
    "a key twice",
    { site, identity: { network: "n", client: { ...pair, keyFile: "k" }, server: pair, trust: pem } },
    "identity.client.key",
    /exactly one/,
  ],
])("%s is refused, and the field named", (_what, config, field, message) => {
  const result = parseConfig(config);
  if (result.ok) throw new Error("Was taken");
  const problem = result.problems.find((one) => one.field === field);
  expect(problem?.message).toMatch(message);
});

test("a key is never quoted in a message", () => {
  const result = parseConfig({
    site,
    identity: { network: "n", client: { certificate: "c", key: "SECRET" }, server: pair, trust: pem },
  });
  expect(JSON.stringify(result)).not.toContain("SECRET");
});

test("POD_IP is put in for that exact token only", () => {
  expect(resolveAddress("${POD_IP}:80", { POD_IP: "127.1.0.3" })).toEqual({
    hostname: "127.1.0.3",
    port: 80,
  });
  expect(resolveAddress("${POD_IP}:80", {})).toBeUndefined();
  expect(resolveAddress("[::1]:80", {})).toEqual({ hostname: "::1", port: 80 });
  expect(parseConfig({ site, listeners: [{ service: "n/a", port: 1, listen: "${HOME}:1" }] }).ok).toBe(false);
});

test("a file is YAML or JSON; aliases, tags and doubles cannot harm", () => {
  const dir = mkdtempSync(join(tmpdir(), "isthmus-config-"));
  const path = join(dir, "router.yaml");
  try {
    writeFileSync(
      path,
      "site: {id: a, name: a}\nlisteners:\n  - {service: ns/app, port: 80, listen: '127.0.0.1:1'}\n",
    );
    expect(loadConfigFile(path).config.listeners?.[0]?.port).toBe(80);
    writeFileSync(path, JSON.stringify({ site }));
    expect(loadConfigFile(path).config.site.id).toBe("a");
    const bomb = Array.from(
      { length: 9 },
      (_, n) =>
        `x${n}: &x${n} [${Array.from({ length: 9 }, () => (n === 0 ? "1" : `*x${n - 1}`)).join(",")}]`,
    );
    for (const bad of [
      bomb.join("\n"),
      "site: {id: a, id: b}",
      "__proto__: {x: 1}",
      "site: [",
      "",
      "--- 1\n--- 2",
    ]) {
      writeFileSync(path, bad);
      expect(() => loadConfigFile(path)).toThrow(ConfigRefused);
    }
    expect(() => loadConfigFile(join(dir, "absent.yaml"))).toThrow(/Cannot use configuration/);
    expect(({} as { x?: number }).x).toBeUndefined();
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("a watched file is loaded again when it, or a file it names, changes; a bad one keeps the last good", async () => {
  const dir = mkdtempSync(join(tmpdir(), "isthmus-config-"));
  const path = join(dir, "router.yaml");
  const write = (text: string): void => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  writeFileSync(join(dir, "key.pem"), `${pem} 1`);
  const text = JSON.stringify({
    site,
    identity: { network: "n", client: { certificate: pem, keyFile: "key.pem" }, server: pair, trust: pem },
  });
  write(text);
  const { files } = loadConfigFile(path);
  const keys: string[] = [];
  const refused: string[] = [];
  const watch = new ConfigWatch(path, {
    clock: systemClock,
    files,
    onConfig: (config) => keys.push(config.identity?.client.key ?? ""),
    onRefused: ({ problems }) => refused.push(problems[0]?.field ?? ""),
  });
  try {
    writeFileSync(join(dir, "key.pem"), `${pem} 2`);
    await eventually(() => keys.includes(`${pem} 2`));
    write(text.replace('"network"', '"netwrk"'));
    await eventually(() => refused.includes("identity.netwrk"));
    write(JSON.stringify({ site }));
    await eventually(() => keys.at(-1) === "");
  } finally {
    watch.stop();
    rmSync(dir, { recursive: true });
  }
});
