import type { ConsoleAsset } from "./assets.ts";

export type Assets = ReadonlyMap<string, ConsoleAsset>;

const PAGE = "/index.html";
/** Their names have their hash in them. */
const IMMUTABLE = "/assets/";

/** What is asked for is a page of the console: views have paths without an extension. */
export function isPage(path: string): boolean {
  return path === "/" || path === PAGE || !/\.[^/]*$/.test(path);
}

/** A file by its exact path, or for each view the one page. Undefined for what there is not; nothing is looked up on a disk. */
export function assetAnswer(path: string, input: { assets: Assets; request: Request }): Response | undefined {
  const { assets, request } = input;
  const asset = assets.get(isPage(path) ? PAGE : path);
  if (asset === undefined) return undefined;
  const { body, type, etag } = asset;
  const headers = {
    "content-type": type,
    etag,
    "cache-control": path.startsWith(IMMUTABLE) ? "public, max-age=31536000, immutable" : "no-cache",
  };
  const known = request.headers.get("if-none-match")?.split(/\s*,\s*/) ?? [];
  if (known.includes(etag)) return new Response(null, { status: 304, headers });
  return new Response(body, { headers });
}
