import { expect, test } from "bun:test";
import type { EndpointSlice, SliceEndpoint } from "#api/builtin.ts";
import type { ServiceImport, ServiceImportSpec } from "#api/kinds/service-import.ts";
import { TYPE } from "#dns/constants.ts";
import { Responder } from "#dns/responder.ts";
import { ask, readAnswer } from "#dns/testing/client.ts";
import { Zone } from "#dns/zone.ts";
import { MCS_CLUSTER_LABEL, PIN_ADDRESSES_ANNOTATION } from "../names.ts";
import { clustersetRecords } from "./clusterset-records.ts";

const HTTP = { name: "http", protocol: "TCP", port: 8080 } as const;
const ORIGIN = ["clusterset", "local"];

function imported(spec: Partial<ServiceImportSpec>, name = "web"): ServiceImport {
  return {
    apiVersion: "multicluster.x-k8s.io/v1beta1",
    kind: "ServiceImport",
    metadata: { name, namespace: "shop" },
    spec: { type: "ClusterSetIP", ports: [HTTP], ...spec },
  };
}

function slice(
  cluster: string,
  {
    pin,
    endpoints = [],
    ports = [HTTP],
    family = "IPv4",
  }: {
    pin?: string;
    endpoints?: readonly SliceEndpoint[];
    ports?: EndpointSlice["ports"];
    family?: "IPv4" | "IPv6";
  },
): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `web-${cluster}-${family}`,
      namespace: "shop",
      labels: { [MCS_CLUSTER_LABEL]: cluster },
      ...(pin === undefined ? {} : { annotations: { [PIN_ADDRESSES_ANNOTATION]: pin } }),
    },
    addressType: family,
    endpoints: [...endpoints],
    ports,
  };
}

const pod = (hostname: string, address: string, ready = true): SliceEndpoint => ({
  hostname,
  addresses: [address],
  conditions: { ready },
});

/** Asks a zone that has these records: `name` is what stands before `.shop.svc.clusterset.local`. */
function asker(
  spec: Partial<ServiceImportSpec>,
  slices: readonly EndpointSlice[],
  { strict = false, name = "web" } = {},
): (name: string, type?: keyof typeof TYPE) => string[] | "NXDOMAIN" {
  const zone = new Zone({ origin: ORIGIN.join("."), ttl: 5, now: () => 1_700_000_000_000 });
  const { records } = clustersetRecords({ imported: imported(spec, name), slices, origin: ORIGIN, strict });
  zone.set("shop/web", records);
  const responder = new Responder({ zone });
  return (asked, type = "A") => {
    const bytes = ask({ name: `${asked}.shop.svc.clusterset.local`, type: TYPE[type] });
    const read = readAnswer(responder.out.subarray(0, responder.respond(bytes, bytes.length, "tcp")));
    return read.rcode === 3 ? "NXDOMAIN" : read.answers.map(({ data }) => data).toSorted();
  };
}

test("a ClusterSetIP import has its addresses, of each family what there is, and SRV of its ports", () => {
  const dns = { name: "dns", protocol: "UDP", port: 8080 };
  const one = asker({ ips: ["10.0.0.1"], ports: [HTTP, dns, { port: 9000 }] }, []);
  expect(one("web")).toEqual(["10.0.0.1"]);
  expect(one("web", "AAAA")).toEqual([]);
  expect(one("web", "SRV")).toEqual([
    "0 100 8080 web.shop.svc.clusterset.local",
    "0 100 9000 web.shop.svc.clusterset.local",
  ]);
  expect(one("_http._tcp.web", "SRV")).toEqual(["0 100 8080 web.shop.svc.clusterset.local"]);
  expect(one("_dns._udp.web", "SRV")).toEqual(["0 100 8080 web.shop.svc.clusterset.local"]);
  expect(one("_http._udp.web", "SRV")).toBe("NXDOMAIN");
  expect(one("c1.web")).toBe("NXDOMAIN");
  const both = asker({ ips: ["10.0.0.1", "fd00::1"] }, []);
  expect([both("web"), both("web", "AAAA")]).toEqual([["10.0.0.1"], ["fd00:0:0:0:0:0:0:1"]]);
  expect(asker({ ips: [] }, [])("web")).toBe("NXDOMAIN");
});

test("a cluster's own name leads to it alone, with SRV; without an address it is not there", () => {
  const other = { name: "other", protocol: "TCP", port: 9000 } as const;
  const find = asker({ ips: ["10.0.0.1"] }, [
    slice("c1", { pin: "10.0.0.7" }),
    slice("c2", { pin: "10.0.0.8,fd00::8", ports: [other] }),
    slice("c3", {}),
    slice("c2.east", { pin: "10.0.0.9" }),
  ]);
  expect(find("web")).toEqual(["10.0.0.1"]);
  expect(find("c1.web")).toEqual(["10.0.0.7"]);
  expect([find("c2.web"), find("c2.web", "AAAA")]).toEqual([["10.0.0.8"], ["fd00:0:0:0:0:0:0:8"]]);
  expect(find("c3.web")).toBe("NXDOMAIN");
  expect(find("c2.east.web")).toEqual(["10.0.0.9"]);
  expect(find("east.web")).toEqual([]);
  expect(find("c2.web", "SRV")).toEqual(["0 100 9000 c2.web.shop.svc.clusterset.local"]);
  expect(find("_other._tcp.c2.web", "SRV")).toEqual(["0 100 9000 c2.web.shop.svc.clusterset.local"]);
  expect(find("_http._tcp.c2.web", "SRV")).toBe("NXDOMAIN");
});

test("strictly there is no name of one cluster", () => {
  const slices = [slice("c1", { pin: "10.0.0.7" })];
  const find = asker({ ips: ["10.0.0.1"] }, slices, { strict: true });
  expect(find("web")).toEqual(["10.0.0.1"]);
  expect(find("c1.web")).toBe("NXDOMAIN");
  expect(find("_http._tcp.c1.web", "SRV")).toBe("NXDOMAIN");
});

test("a Headless import has every ready endpoint of all clusters, each by its own name too", () => {
  const find = asker({ type: "Headless" }, [
    slice("c1", { endpoints: [pod("web-0", "10.1.0.1"), pod("web-1", "10.1.0.2", false)] }),
    slice("c2", { endpoints: [pod("web-0", "10.2.0.1"), pod("web-2", "10.2.0.3")] }),
    slice("c2", { endpoints: [pod("web-0", "fd00::1")], family: "IPv6" }),
  ]);
  expect(find("web")).toEqual(["10.1.0.1", "10.2.0.1", "10.2.0.3"]);
  expect(find("web", "AAAA")).toEqual(["fd00:0:0:0:0:0:0:1"]);
  expect(find("web-0.c1.web")).toEqual(["10.1.0.1"]);
  expect(find("web-0.c2.web")).toEqual(["10.2.0.1"]);
  expect(find("web-0.c2.web", "AAAA")).toEqual(["fd00:0:0:0:0:0:0:1"]);
  expect(find("web-1.c1.web")).toBe("NXDOMAIN");
  expect(find("web-0.web")).toBe("NXDOMAIN");
  expect(find("c2.web")).toEqual(["10.2.0.1", "10.2.0.3"]);
  const all = ["web-0.c1", "web-0.c2", "web-2.c2"].map(
    (name) => `0 100 8080 ${name}.web.shop.svc.clusterset.local`,
  );
  expect(find("web", "SRV")).toEqual(all);
  expect(find("_http._tcp.web", "SRV")).toEqual(all);
  expect(find("_http._tcp.c2.web", "SRV")).toEqual(all.slice(1));
});

test("strictly a cluster of a Headless import is only on the way to its pods' names", () => {
  const slices = [slice("c2.reg", { endpoints: [pod("web-0", "10.2.0.1")] })];
  const find = asker({ type: "Headless" }, slices, { strict: true });
  expect(find("web-0.c2.reg.web")).toEqual(["10.2.0.1"]);
  expect(find("c2.reg.web")).toEqual([]);
  expect(find("_http._tcp.c2.reg.web", "SRV")).toBe("NXDOMAIN");
});

test("a Headless import without a ready endpoint is not there, as KEP-1645 wants it", () => {
  const find = asker({ type: "Headless" }, [slice("c1", { endpoints: [pod("web-0", "10.1.0.1", false)] })]);
  for (const name of ["web", "web-0.c1.web", "c1.web"]) expect(find(name)).toBe("NXDOMAIN");
  expect(find("web", "SRV")).toBe("NXDOMAIN");
});

test("300 ready endpoints are all there, and endpoints that share a hostname share the name", () => {
  const endpoints = Array.from({ length: 300 }, (_, n) => pod(`web-${n}`, `10.1.${n >> 8}.${n & 255}`));
  const find = asker({ type: "Headless" }, [
    slice("c1", { endpoints: [...endpoints, pod("web-7", "10.9.9.9")] }),
  ]);
  expect(find("web")).toHaveLength(301);
  expect(find("web", "SRV")).toHaveLength(300);
  expect(find("web-7.c1.web")).toEqual(["10.1.0.7", "10.9.9.9"]);
});

test("a name that DNS has no room for is left out and told of, and costs the others nothing", () => {
  const long = "x".repeat(63);
  const slices = [
    slice(`${long}.${long}`, { endpoints: [pod(long, "10.1.0.1"), pod("a", "10.1.0.2")] }),
    slice("c1", { endpoints: [pod("y".repeat(64), "10.1.0.3"), pod("web-0", "10.1.0.4")] }),
  ];
  const input = { imported: imported({ type: "Headless" }), slices, origin: ORIGIN, strict: false };
  const { records, left } = clustersetRecords(input);
  expect(left.map((name) => name.split(".")[0])).toEqual(["y".repeat(64)]);
  expect(records.some(({ labels }) => labels[0] === "web-0")).toBe(true);
  const tooLong = asker({ type: "Headless" }, slices, { name: "z".repeat(63) });
  expect(tooLong("z".repeat(63))).toEqual(["10.1.0.2", "10.1.0.4"]);
});

function recordsOf(slices: readonly EndpointSlice[]): unknown {
  return clustersetRecords({
    imported: imported({ type: "Headless" }),
    slices,
    origin: ORIGIN,
    strict: false,
  });
}

test("the order of the slices does not matter", () => {
  const slices = ["c1", "c2", "c3"].map((name, n) =>
    slice(name, { endpoints: [pod("web-0", `10.1.0.${n}`)] }),
  );
  expect(recordsOf(slices)).toEqual(recordsOf(slices.toReversed()));
});
