import { expect, test } from "bun:test";
import { completeSwitches, integer, waitMs, workloadOf } from "./flags.ts";

test("--wait alone is a switch and eats no argument", () => {
  expect(completeSwitches(["link", "create", "--wait", "file"])).toEqual([
    "link",
    "create",
    "--wait=true",
    "file",
  ]);
  expect(completeSwitches(["--wait=30s", "--", "--wait"])).toEqual(["--wait=30s", "--", "--wait"]);
});

test("--wait takes a duration, --timeout bounds it, --wait=false turns it off", () => {
  expect(waitMs({}, true)).toBe(120_000);
  expect(waitMs({}, false)).toBe(0);
  expect(waitMs({ wait: "false" }, true)).toBe(0);
  expect(waitMs({ wait: "true", timeout: 5000 }, false)).toBe(5000);
  expect(waitMs({ wait: "1m30s" }, false)).toBe(90_000);
});

test("workloads are named as kubectl names them", () => {
  expect(workloadOf("deploy/web")).toEqual({ kind: "Deployment", name: "web" });
  expect(workloadOf("svc/web")).toEqual({ kind: "Service", name: "web" });
  for (const text of ["web", "pod/web", "deployment/", "deployment/a/b"]) {
    expect(() => workloadOf(text)).toThrow(
      `Cannot expose "${text}": expected deployment/NAME or service/NAME`,
    );
  }
});

test("numbers are whole and within bounds", () => {
  const cost = integer(1, 1000);
  expect(cost("4")).toBe(4);
  for (const text of ["0", "1001", "1.5", "-1", "x", ""]) expect(() => cost(text)).toThrow("from 1 to 1000");
});
