import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { writeFileAtomic } from "#core/file.ts";
import { sandboxHome } from "#sandbox/home.ts";
import client from "../../../examples/clusterset/client.yaml" with { type: "text" };
import nginxExport from "../../../examples/clusterset/nginx-export.yaml" with { type: "text" };
import nginx from "../../../examples/clusterset/nginx.yaml" with { type: "text" };
import webExport from "../../../examples/clusterset/web-export.yaml" with { type: "text" };
import web from "../../../examples/clusterset/web.yaml" with { type: "text" };
import activeActive from "../../../examples/global-traffic/active-active.yaml" with { type: "text" };
import cluster1 from "../../../examples/global-traffic/cluster-1.yaml" with { type: "text" };
import cluster3 from "../../../examples/global-traffic/cluster-3.yaml" with { type: "text" };
import failover from "../../../examples/global-traffic/failover.yaml" with { type: "text" };
import httpbin from "../../../examples/global-traffic/httpbin.yaml" with { type: "text" };
import greeter from "../../../examples/fair-share/greeter.yaml" with { type: "text" };
import costPolicy from "../../../examples/fair-share/cost-policy.yaml" with { type: "text" };
import sampleApp from "../../../examples/fair-share/sample-app.yaml" with { type: "text" };

const TEXTS = {
  "clusterset/client.yaml": client,
  "clusterset/nginx-export.yaml": nginxExport,
  "clusterset/nginx.yaml": nginx,
  "clusterset/web-export.yaml": webExport,
  "clusterset/web.yaml": web,
  "fair-share/cost-policy.yaml": costPolicy,
  "fair-share/greeter.yaml": greeter,
  "fair-share/sample-app.yaml": sampleApp,
  "global-traffic/active-active.yaml": activeActive,
  "global-traffic/cluster-1.yaml": cluster1,
  "global-traffic/cluster-3.yaml": cluster3,
  "global-traffic/failover.yaml": failover,
  "global-traffic/httpbin.yaml": httpbin,
} satisfies Record<string, string>;
export type ExampleName = keyof typeof TEXTS;

/** Nowhere in the compiled binary, where modules have no place on the disk. */
const CHECKOUT = import.meta.dir.startsWith("/$bunfs/")
  ? undefined
  : join(import.meta.dir, "../../../examples");

export interface ExamplePlaces {
  /** examples/ of the checkout; need not exist. */
  readonly checkout?: string;
  /** Where the texts are written when there is no checkout [beside the sandbox's clusters]. */
  readonly copies?: string;
}

/**
 * Path of a file of examples/ that one can type where the user is: that of the checkout, or, for the compiled
 * binary, of a copy that is written now and lies beside the demo's record until the demo is taken down.
 */
export function exampleFile(name: ExampleName, places: ExamplePlaces = {}): string {
  const checkout = places.checkout ?? CHECKOUT;
  const path = checkout === undefined ? undefined : join(checkout, name);
  if (path === undefined || !existsSync(path)) {
    const copies = places.copies ?? copiesDir();
    const copy = join(copies, name);
    mkdirSync(dirname(copy), { recursive: true, mode: 0o700 });
    writeFileAtomic(copy, TEXTS[name]);
    return copy;
  }
  const seen = relative(process.cwd(), path);
  return seen.startsWith("..") ? path : seen;
}

/** Removes what `exampleFile` wrote. */
export function forgetExampleFiles(dir: string = copiesDir()): void {
  rmSync(dir, { recursive: true, force: true });
}

function copiesDir(): string {
  return join(dirname(sandboxHome()), "demo-examples");
}
