import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** Of sites that nobody looked at for so long nothing is kept. */
const FORGET_MS = 30 * 86_400_000;
const SUFFIX = ".sqlite";

/**
 * The file of one site's history below `dir`; files of sites that were not looked at for 30 days go. A site that is made anew has
 * another uid, and begins anew.
 */
export function historyFile(
  dir: string,
  options: { readonly siteUid: string; readonly nowMs: number },
): string {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const own = `${options.siteUid.replaceAll(/[^-\w]/g, "_")}${SUFFIX}`;
  for (const name of readdirSync(dir)) {
    const [base = ""] = name.split(SUFFIX);
    if (!name.includes(SUFFIX) || name.startsWith(own) || base === "") continue;
    const path = join(dir, name);
    if (options.nowMs - statSync(path).mtimeMs > FORGET_MS) rmSync(path, { force: true });
  }
  return join(dir, own);
}
