import { expect, test } from "bun:test";
import type { Pod, PodSpec } from "../types.ts";
import { hostsFile, plainHostLookup, resolvConf } from "./resolv-conf.ts";

const podOf = (spec: Partial<PodSpec>): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "shop" },
  spec: { containers: [], ...spec },
});

const MACHINE = "# of the machine\nnameserver 10.0.0.2\nsearch lan\noptions timeout:1 rotate\n";

const textOf = (spec: Partial<PodSpec>, nameserver?: string): string | undefined =>
  resolvConf(podOf(spec), { nameserver, machine: () => MACHINE });

test("A pod without DNS of the cluster keeps the machine's resolv.conf, unless it brings its own", () => {
  expect(textOf({})).toBeUndefined();
  expect(textOf({ dnsPolicy: "Default" }, "10.0.0.10")).toBeUndefined();
  expect(textOf({ dnsPolicy: "None", dnsConfig: { nameservers: ["1.1.1.1"] } })).toBe("nameserver 1.1.1.1\n");
});

test("dnsConfig adds to what the policy gives, within what resolvers read", () => {
  expect(
    textOf({
      dnsPolicy: "Default",
      dnsConfig: { searches: ["lan", "a.test"], options: [{ name: "timeout", value: "3" }] },
    }),
  ).toBe("search lan a.test\nnameserver 10.0.0.2\noptions timeout:3 rotate\n");
  const nameservers = ["1.1.1.1", "10.0.0.10", "2.2.2.2", "3.3.3.3"];
  expect(textOf({ dnsConfig: { nameservers } }, "10.0.0.10")?.match(/^nameserver .*$/gm)).toEqual([
    "nameserver 10.0.0.10",
    "nameserver 1.1.1.1",
    "nameserver 2.2.2.2",
  ]);
});

test("A pod is in its own hosts file, by its subdomain too when it has one", () => {
  expect(hostsFile(podOf({}), "10.1.0.1")).toContain("\n10.1.0.1\tp\n");
  const named = podOf({
    hostname: "db-0",
    subdomain: "db",
    hostAliases: [{ ip: "10.9.0.1", hostnames: ["a", "b"] }],
  });
  expect(hostsFile(named, "10.1.0.1")).toEndWith(
    "\n10.1.0.1\tdb-0.db.shop.svc.cluster.local\tdb-0\n10.9.0.1\ta\tb\n",
  );
});

test("Host names are looked up in files and DNS only, whatever the machine has besides", () => {
  const rest = "passwd: files\nnetworks: files\n";
  expect(plainHostLookup(`hosts: files dns\n${rest}`)).toBeUndefined();
  expect(plainHostLookup(rest)).toBeUndefined();
  expect(
    plainHostLookup(`passwd: files\nhosts:  files mdns4 resolve [!UNAVAIL=return] dns\nnetworks: files\n`),
  ).toBe("passwd: files\nhosts: files dns\nnetworks: files\n");
});
