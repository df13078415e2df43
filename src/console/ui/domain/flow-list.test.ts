import { expect, test } from "bun:test";
import type { FlowView } from "#observe/views.ts";
import { addFlows, flowCommand, MAX_FLOWS, resultOf, toneOf } from "./flow-list.ts";

function flow(id: number, more: Partial<FlowView> = {}): FlowView {
  return {
    id,
    seq: id,
    protocol: "http",
    startedMs: id,
    durationMs: 1,
    service: "n/app",
    port: 80,
    client: "10.0.0.1",
    destinationSiteId: "s2",
    destinationSite: "c2",
    path: ["s1", "s2"],
    endpoint: "s2/1",
    endpointName: "app-1",
    bytesToEndpoint: 1,
    bytesToClient: 1,
    attempts: 1,
    outcome: "ok",
    why: "",
    sourceSiteId: "s1",
    sourceSite: "c1",
    router: "r",
    ...more,
  };
}
const http = (status: number): Partial<FlowView> => ({
  http: { method: "GET", host: "app", path: "/", status },
});

const grpc = (grpcStatus: number) => ({
  http: { method: "POST", host: "app", path: "/", status: 200, grpcStatus },
});

test("new flows come first, each once", () => {
  const list = addFlows([flow(2), flow(1)], [flow(2), flow(3), flow(4)]);
  expect(list.map(({ id }) => id)).toEqual([4, 3, 2, 1]);
  expect(addFlows(list, [flow(4)])).toBe(list);
});

test("the list is bounded", () => {
  const many = Array.from({ length: MAX_FLOWS + 5 }, (_, index) => flow(index + 1));
  const list = addFlows([], many);
  expect([list.length, list[0]?.id]).toEqual([MAX_FLOWS, MAX_FLOWS + 5]);
});

test("a result is its status, and of TCP a word", () => {
  expect(resultOf(flow(1, http(404)))).toBe("404");
  expect([0, 14, 99].map((status) => resultOf(flow(1, grpc(status))))).toEqual([
    "OK",
    "Unavailable",
    "gRPC 99",
  ]);
  expect(resultOf(flow(1, { protocol: "tcp" }))).toBe("closed");
  expect(resultOf(flow(1, { protocol: "tcp", outcome: "error" }))).toBe("failed");
});

test("failures are bad, client errors and retries a warning", () => {
  expect(
    [http(503), http(404), http(200), { outcome: "error" as const }, { attempts: 2 }].map((more) =>
      toneOf(flow(1, more)),
    ),
  ).toEqual(["bad", "warn", "ok", "bad", "warn"]);
});

test("the filters become a command, quoted where a shell needs it", () => {
  expect(flowCommand({})).toBe("flows --follow");
  expect(
    flowCommand({
      service: "n/app",
      status: "5xx",
      endpoint: "app-1",
      path: "/it's here",
      minDurationMs: "20",
      outcome: "error",
      flow: "3",
    }),
  ).toBe(
    `flows n/app --follow --failed --pod app-1 --status 5xx --path '/it'\\''s here' --min-duration 20ms`,
  );
});
