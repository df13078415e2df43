import { expect, test } from "bun:test";
import { ROUTER_ADMIN_PORT, ROUTER_SELECTOR } from "#observe/sources/pod-proxy.ts";
import { ADMIN_PORT, NAME_LABEL, ROUTER } from "#site/names.ts";

test("The observer looks for routers where the site puts them", () => {
  expect([ROUTER_SELECTOR, ROUTER_ADMIN_PORT]).toEqual([`${NAME_LABEL}=${ROUTER}`, ADMIN_PORT]);
});
