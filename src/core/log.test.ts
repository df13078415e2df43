import { expect, test } from "bun:test";
import { formatRecord } from "./log.ts";

test("no field can start a second line or send terminal codes", () => {
  const line = formatRecord({
    category: ["isthmus", "router"],
    level: "info",
    message: ["Listener opened"],
    rawMessage: "Listener opened",
    timestamp: 0,
    properties: { service: 'a\r\n{"level":"error"}\u001b[31m' },
  });
  expect(line.split("\n").length).toBe(2);
  expect(line).not.toContain("\u001b");
  expect(JSON.parse(line)).toMatchObject({ part: "router", message: "Listener opened", level: "info" });
});
