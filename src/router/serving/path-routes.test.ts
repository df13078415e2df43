import { expect, test } from "bun:test";
import type { Route } from "../flow/opening.ts";
import { PathRoutes } from "./path-routes.ts";

const routeOf = (service: string, port: number): Route => ({ service, port }) as unknown as Route;
const routes = new PathRoutes();
routes.configure(
  [
    { path: "/a", service: "n/a", port: 80 },
    { path: "/a/b/", service: "n/b", port: 80, stripPrefix: false },
    { path: "/a/exact", pathType: "Exact", service: "n/exact", port: 80 },
  ],
  routeOf,
);

test.each([
  ["/a", "n/a", 2],
  ["/a/", "n/a", 2],
  ["/a/x/y", "n/a", 2],
  ["/a/b", "n/b", 0],
  ["/a/b/c", "n/b", 0],
  ["/a/exact", "n/exact", 8],
  ["/a/exact/more", "n/a", 2],
  ["/ab", undefined, 0],
  ["/", undefined, 0],
  ["", undefined, 0],
  ["/b/a", undefined, 0],
] as const)("%s goes to %s", (path, service, stripBytes) => {
  const match = routes.find(path);
  expect(match?.route.service).toBe(service);
  if (match !== undefined) expect(match.stripBytes).toBe(stripBytes);
});

test("a prefix of / takes what nothing else takes, and strips nothing", () => {
  const all = new PathRoutes();
  all.configure([{ path: "/", service: "n/all", port: 80 }], routeOf);
  expect(all.find("/x")).toMatchObject({ route: { service: "n/all" }, stripBytes: 0 });
  expect(all.find("/")).toMatchObject({ route: { service: "n/all" }, stripBytes: 0 });
});
