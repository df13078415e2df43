import { expect, test } from "bun:test";
import { clientContext } from "./client-context.ts";
import { hash32 } from "../selection/hash.ts";
import { Bench } from "../testing/selection.ts";

test("a connection is known by its client's address without the port, v4 and v6, where the policy asks for it", () => {
  const { balancer } = new Bench([], { affinity: { type: "ClientIP" } });
  expect(clientContext(balancer, "10.0.0.7:5123")).toEqual({ hash: hash32("10.0.0.7") });
  expect(clientContext(balancer, "fd00::7:5123")).toEqual({ hash: hash32("fd00::7") });
  expect(clientContext(new Bench([]).balancer, "10.0.0.7:5123")).toBeUndefined();
});
