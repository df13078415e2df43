import { expect, test } from "bun:test";
import { parseFieldSelector, parseLabelSelector, selectableOf } from "./selectors.ts";

test("label selectors take every form that kubectl's -l takes", () => {
  const labels = { app: "web", tier: "front", "isthmus.dev/size": "5" };
  const cases: [string, boolean][] = [
    ["", true],
    ["app=web", true],
    ["app==web,tier=front", true],
    ["app=web,tier=back", false],
    ["app!=db", true],
    ["none!=x", true],
    ["app in (web, api)", true],
    ["app notin (web)", false],
    ["none notin (x)", true],
    ["tier in (a,b),app=web", false],
    ["app", true],
    ["!app", false],
    ["!none", true],
    ["isthmus.dev/size>4", true],
    ["isthmus.dev/size<4", false],
    ["app=", false],
  ];
  for (const [selector, expected] of cases) {
    expect({ selector, matches: parseLabelSelector(selector)(labels) }).toEqual({
      selector,
      matches: expected,
    });
  }
  for (const bad of ["a b", "a in x", "=x", "a=b=c"])
    expect(() => parseLabelSelector(bad)).toThrow("unable to parse");
});

test("field selectors see name, namespace, phase and node, and refuse what a kind does not offer", () => {
  const { fields } = selectableOf({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "n" },
    spec: { nodeName: "node" },
    status: { phase: "Running" },
  });
  expect(parseFieldSelector("metadata.name=p,status.phase!=Failed,spec.nodeName==node")(fields)).toBe(true);
  expect(parseFieldSelector("status.phase=Failed")(fields)).toBe(false);
  expect(() => parseFieldSelector("spec.foo=1")(fields)).toThrow("field label not supported: spec.foo");
});
