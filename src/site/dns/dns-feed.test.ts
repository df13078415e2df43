import { expect, test } from "bun:test";
import { RESOURCES } from "#api/resources.ts";
import { systemClock } from "#core/clock.ts";
import { TYPE } from "#dns/constants.ts";
import { Responder } from "#dns/responder.ts";
import { ask, readAnswer } from "#dns/testing/client.ts";
import { Zone } from "#dns/zone.ts";
import {
  MCS_CLUSTER_LABEL,
  MCS_SERVICE_LABEL,
  PIN_ADDRESSES_ANNOTATION,
  SLICE_MANAGER,
  SLICE_MANAGER_LABEL,
} from "../names.ts";
import { eventually, NAMESPACE, TestSite } from "../testing/test-site.ts";
import { DnsFeed } from "./dns-feed.ts";

class Fed implements AsyncDisposable {
  readonly site = new TestSite();
  readonly zone = new Zone({ origin: "clusterset.local", ttl: 5, now: () => 1_700_000_000_000 });
  readonly #feed: DnsFeed;
  readonly #responder: Responder;

  constructor(options: { strict?: boolean } = {}) {
    const { client } = this.site;
    this.#feed = new DnsFeed({
      client,
      zone: this.zone,
      clock: systemClock,
      namespace: NAMESPACE,
      ...options,
    });
    this.#responder = new Responder({ zone: this.zone, ready: () => this.#feed.ready });
    this.#feed.start();
  }

  find(name: string): string[] | number {
    const bytes = ask({ name: `${name}.shop.svc.clusterset.local`, type: TYPE.A });
    const responder = this.#responder;
    const read = readAnswer(responder.out.subarray(0, responder.respond(bytes, bytes.length, "udp")));
    return read.rcode === 0 ? read.answers.map(({ data }) => data).toSorted() : read.rcode;
  }

  import(spec: object): void {
    this.site.put(RESOURCES.serviceImports, { metadata: { name: "web" }, spec });
  }

  slice(cluster: string, { pin, pods = [] }: { pin?: string; pods?: readonly string[] }): void {
    this.site.put(RESOURCES.endpointSlices, {
      metadata: {
        name: `web-${cluster}`,
        labels: {
          [MCS_SERVICE_LABEL]: "web",
          [MCS_CLUSTER_LABEL]: cluster,
          [SLICE_MANAGER_LABEL]: SLICE_MANAGER,
        },
        ...(pin === undefined ? {} : { annotations: { [PIN_ADDRESSES_ANNOTATION]: pin } }),
      },
      addressType: "IPv4",
      endpoints: pods.map((address, n) => ({ addresses: [address], hostname: `web-${n}` })),
      ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    });
  }

  async until(name: string, found: string[] | number): Promise<void> {
    await eventually(() => Bun.deepEquals(this.find(name), found));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#feed.stop();
    await this.site[Symbol.asyncDispose]();
  }
}

test("names come and go with imports and with the slices of their clusters", async () => {
  await using fed = new Fed();
  const ports = [{ name: "http", port: 8080 }];
  fed.import({ type: "ClusterSetIP", ips: ["10.0.0.1"], ports });
  await fed.until("web", ["10.0.0.1"]);
  expect(fed.find("c2.web")).toBe(3);
  fed.slice("c2", { pin: "10.0.0.8" });
  await fed.until("c2.web", ["10.0.0.8"]);
  fed.slice("c2", {});
  await fed.until("c2.web", 3);
  fed.import({ type: "Headless", ips: [], ports });
  await fed.until("web", 3);
  fed.slice("c2", { pods: ["10.2.0.1", "10.2.0.2"] });
  await fed.until("web", ["10.2.0.1", "10.2.0.2"]);
  expect(fed.find("web-1.c2.web")).toEqual(["10.2.0.2"]);
  fed.site.remove(RESOURCES.endpointSlices, "web-c2");
  await fed.until("web", 3);
  fed.slice("c2", { pods: ["10.2.0.1"] });
  await fed.until("web", ["10.2.0.1"]);
  fed.site.remove(RESOURCES.serviceImports, "web");
  await fed.until("web", 3);
});

test("slices that are there before their import are not forgotten", async () => {
  await using fed = new Fed();
  fed.slice("c2", { pin: "10.0.0.8" });
  await eventually(() => fed.find("web") === 3);
  fed.import({ type: "ClusterSetIP", ips: ["10.0.0.1"], ports: [] });
  await fed.until("c2.web", ["10.0.0.8"]);
});

test("strictly there is no name for a cluster", async () => {
  await using fed = new Fed({ strict: true });
  fed.slice("c2", { pin: "10.0.0.8" });
  fed.import({ type: "ClusterSetIP", ips: ["10.0.0.1"], ports: [] });
  await fed.until("web", ["10.0.0.1"]);
  expect(fed.find("c2.web")).toBe(3);
});

test("until imports and slices were both read there is no answer that could be taken for a missing name", async () => {
  await using fed = new Fed();
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  fed.site.api.intercept(({ path }) =>
    path.endsWith("/endpointslices")
      ? held.then(() => Response.json({ kind: "Status", code: 500, status: "Failure" }, { status: 500 }))
      : undefined,
  );
  fed.import({ type: "ClusterSetIP", ips: ["10.0.0.1"], ports: [] });
  await Bun.sleep(50);
  expect(fed.find("web")).toBe(2);
  release();
  await fed.until("web", ["10.0.0.1"]);
});
