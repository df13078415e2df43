import { expect, test } from "bun:test";
import { expand } from "./expand.ts";

test("variables in commands are expanded as Kubernetes does", () => {
  const known = { A: "1", "B.c": "2" };
  expect(expand("$(A)-$(B.c)", known)).toBe("1-2");
  expect(expand("$(UNKNOWN) $A ${A}", known)).toBe("$(UNKNOWN) $A ${A}");
  expect(expand("$$(A) $$$(A) 5$", known)).toBe("$(A) $1 5$");
});
