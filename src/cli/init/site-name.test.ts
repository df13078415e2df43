import { expect, test } from "bun:test";
import { siteNameFrom } from "./site-name.ts";

test("the site is called after the context, without what tools put in front of it", () => {
  const cases: [string | undefined, string][] = [
    ["sandbox-c1", "c1"],
    ["kind-c2", "c2"],
    ["k3d-dev", "dev"],
    ["east", "east"],
    ["admin@Prod_EU", "prod-eu"],
    ["arn:aws:eks:eu-west-1:123456:cluster/shop", "shop"],
    ["gke_project_europe-west1_shop", "gke-project-europe-west1-shop"],
    [undefined, "site"],
    ["___", "site"],
  ];
  for (const [context, name] of cases) expect(siteNameFrom(context)).toBe(name);
});
