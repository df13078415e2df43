import { expect, test } from "bun:test";
import { parseFilter } from "./flow-filter.ts";

test("words with a key are filters", () => {
  expect(parseFilter("status:5xx SOURCE:c1 path:/a:b ").query).toEqual({
    status: "5xx",
    source: "c1",
    path: "/a:b",
  });
});

test("a word alone is taken for what it looks like", () => {
  expect(parseFilter("/cart 503 POST shop/app app-1").query).toEqual({
    path: "/cart",
    status: "503",
    method: "POST",
    service: "shop/app",
    endpoint: "app-1",
  });
});

test("what cannot be is said, with what could be", () => {
  expect(parseFilter("colour:red").problem).toContain('Nothing is called "colour": service, source');
  expect(parseFilter("status:").problem).toBe("What status? For example status:5xx");
  expect(parseFilter("protocol:udp").problem).toBe("protocol is one of tcp, http, grpc");
  expect(parseFilter("status:bad").problem).toBe("status is one like 503, or a class like 5xx");
  expect(parseFilter("minDurationMs:fast").problem).toBe("minDurationMs is a number");
});
