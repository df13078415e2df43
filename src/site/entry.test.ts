import { expect, test } from "bun:test";
import type { ServiceExport } from "#api/kinds/service-export.ts";
import { parseConfig } from "#router/config.ts";
import { type EntryInput, planEntry } from "./entry.ts";
import type { ExportVerdict } from "./exports.ts";
import { ENTRY_PATH_ANNOTATION, ENTRY_STRIP_ANNOTATION } from "./names.ts";

function exported(
  name: string,
  path?: string,
  more: { createdAt?: string; strip?: string } = {},
): ServiceExport {
  const { createdAt = "2026-01-01T00:00:00Z", strip } = more;
  return {
    apiVersion: "multicluster.x-k8s.io/v1beta1",
    kind: "ServiceExport",
    metadata: {
      name,
      namespace: "shop",
      creationTimestamp: createdAt,
      annotations: {
        ...(path === undefined ? {} : { [ENTRY_PATH_ANNOTATION]: path }),
        ...(strip === undefined ? {} : { [ENTRY_STRIP_ANNOTATION]: strip }),
      },
    },
  };
}

const VALID: ExportVerdict = {
  valid: true,
  ignored: [],
  config: { service: "shop/x", ports: [{ port: 8080 }, { port: 9090 }], endpoints: [] },
};

const INVALID: ExportVerdict = { valid: false, reason: "NoService", message: "There is no Service" };

function plan(exports: ServiceExport[], more: Partial<EntryInput> = {}) {
  const result = planEntry({ namespace: "shop", open: true, exports, verdict: () => VALID, ...more });
  const entry = { listen: "127.0.0.1:7446", routes: [...result.routes] };
  expect(parseConfig({ site: { id: "a", name: "a" }, entry })).toMatchObject({ ok: true });
  return {
    routes: result.routes.map(
      ({ path, service, port, stripPrefix }) => `${path} ${service}:${port} ${stripPrefix}`,
    ),
    reasons: Object.fromEntries(
      [...result.verdicts].map(([name, { reason }]): [string, string] => [name, reason]),
    ),
  };
}

test("nobody answers from outside who does not ask for it", () => {
  expect(plan([exported("a")])).toEqual({ routes: [], reasons: {} });
});

test("one path is for the first port; several are given by port", () => {
  expect(
    plan([exported("a", "/cluster-1/httpbin-mesh"), exported("b", "9090=/b/,8080=/b/x", { strip: "false" })]),
  ).toEqual({
    routes: ["/b shop/b:9090 false", "/b/x shop/b:8080 false", "/cluster-1/httpbin-mesh shop/a:8080 true"],
    reasons: { a: "Served", b: "Served" },
  });
});

test("of two that want one path the older has it, and the other says so", () => {
  const [old, young] = [
    exported("z", "/x", { createdAt: "2026-01-01T00:00:00Z" }),
    exported("a", "/x/", { createdAt: "2026-01-02T00:00:00Z" }),
  ];
  expect(plan([young, old])).toEqual({
    routes: ["/x shop/z:8080 true"],
    reasons: { z: "Served", a: "PathTaken" },
  });
});

test.each<[string, string]>([
  ["x", "InvalidPath"],
  ["", "InvalidPath"],
  ["/a//b", "InvalidPath"],
  ["/a/../b", "InvalidPath"],
  ["/a?b", "InvalidPath"],
  ["/a b", "InvalidPath"],
  ["/a,/a", "InvalidPath"],
  [`/${"a".repeat(300)}`, "InvalidPath"],
  ["81=/a", "NoPort"],
  ["http=/a", "NoPort"],
])("the path %j is refused: %s", (path, reason) => {
  expect(plan([exported("a", path)])).toEqual({ routes: [], reasons: { a: reason } });
});

test("without an entry of the Site, or without a valid export, nothing answers", () => {
  expect(plan([exported("a", "/a")], { open: false }).reasons).toEqual({ a: "NoEntry" });
  expect(plan([exported("a", "/a")], { verdict: () => INVALID }).reasons).toEqual({ a: "NotExported" });
});
