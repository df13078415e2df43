import { expect, test } from "bun:test";
import type { FlowView } from "#observe/views.ts";
import { styleFor } from "../output/style.ts";
import { MemoryIo } from "../testing/memory-io.ts";
import { FlowLines } from "./flow-text.ts";

const style = styleFor(new MemoryIo(), "out");

const siteName = (id: string): string => id.replace("id-", "c");

function flow(more: Partial<FlowView> = {}): FlowView {
  return {
    id: 1,
    seq: 1,
    sourceSiteId: "id-1",
    sourceSite: "c1",
    router: "r1",
    protocol: "http",
    startedMs: new Date(2026, 0, 2, 3, 4, 5, 67).getTime(),
    durationMs: 4.2,
    service: "shop/web",
    port: 8080,
    client: "10.0.0.7",
    destinationSiteId: "id-2",
    destinationSite: "c2",
    path: ["id-1", "id-2"],
    endpoint: "id-2/web-0",
    endpointName: "web-0",
    bytesToEndpoint: 120,
    bytesToClient: 3400,
    attempts: 1,
    outcome: "ok",
    why: "LeastRequest, tier 1 of 1",
    http: { method: "GET", host: "web", path: "/cart", status: 200 },
    ...more,
  };
}

const { http: _http, ...TCP } = flow();
const tcp: FlowView = {
  ...TCP,
  protocol: "tcp",
  durationMs: 61_000,
  path: ["id-1"],
  destinationSite: "",
  endpointName: "",
  outcome: "error",
  reason: "no endpoint",
};

test("a line a flow, with what somebody asks first: from, to, how it ended, how long", () => {
  const lines = new FlowLines({ wide: false, style, siteName });
  lines.measure([flow(), tcp]);
  expect(lines.heading() + lines.text([flow(), tcp]))
    .toBe(`TIME           FROM   SERVICE            TO     POD            STATUS        DURATION   BYTES         WHAT
03:04:05.067   c1     shop/web:8080      c2     web-0          200           4.2ms      120B/3.4kB    GET web/cart
03:04:05.067   c1     shop/web:8080      -      -              no endpoint   61.0s      120B/3.4kB    tcp
`);
});

test("wide adds client, way, attempts and why", () => {
  const lines = new FlowLines({ wide: true, style, siteName });
  expect(
    lines.heading() +
      lines.text([
        flow({
          attempts: 2,
          http: { method: "POST", host: "pay", path: "/p.Pay/Do", status: 200, grpcStatus: 14 },
          outcome: "error",
        }),
      ]),
  )
    .toBe(`TIME           FROM   CLIENT        SERVICE            TO     POD            STATUS   DURATION   BYTES         WAY    ATTEMPTS   WHAT   WHY
03:04:05.067   c1     10.0.0.7      shop/web:8080      c2     web-0          grpc 14   4.2ms      120B/3.4kB    c1>c2   2          POST pay/p.Pay/Do   LeastRequest, tier 1 of 1
`);
});

test("columns grow with what comes and never shrink, so that later lines stand under earlier ones", () => {
  const lines = new FlowLines({ wide: false, style, siteName });
  lines.text([flow({ endpointName: "a-pod-with-a-long-name" })]);
  const [line = ""] = lines.text([flow()]).split("\n");
  expect(line.indexOf("200")).toBe(lines.heading().indexOf("STATUS"));
});
