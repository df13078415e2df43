import type { Refusal } from "./refusal.ts";

/** What is asked for: a page that a person goes to, something that a page of ours loads, or a change. */
export type Wanted = "page" | "data" | "change";

const FRAMES = new Set(["iframe", "frame", "embed", "object", "fencedframe"]);

/**
 * Judges by what the browser says of who asks (Fetch Metadata, and Origin where that is missing). Another origin may lead a person to
 * a page, and nothing else; also one of the same site, which another port of this machine is. What says nothing at all is no browser.
 */
export function judgeFetch(request: Request, wanted: Wanted): Refusal | undefined {
  const { headers } = request;
  const site = headers.get("sec-fetch-site");
  const destination = headers.get("sec-fetch-dest");
  if (destination !== null && FRAMES.has(destination)) return framed();
  if (wanted === "page") {
    if (site === null || site === "same-origin" || site === "none") return undefined;
    return headers.get("sec-fetch-mode") === "navigate" && destination === "document" ? undefined : foreign();
  }
  if (site === null) return headers.get("origin") === null || isOwnPage(request) ? undefined : foreign();
  if (isOwnPage(request)) return undefined;
  return site === "none" && wanted === "data" && headers.get("origin") === null ? undefined : foreign();
}

/**
 * Whether a browser says that it is a page of ours that asks. A form of a page that has `no-referrer` comes with `Origin: null`; then
 * Sec-Fetch-Site alone says it, which no page can set.
 */
export function isOwnPage({ headers }: Request): boolean {
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin") return false;
  if (origin === null || (origin === "null" && site !== null)) return site !== null;
  return isOwn(origin, headers.get("host"));
}

/** The scheme is not compared: a proxy may speak TLS for us. */
function isOwn(origin: string, host: string | null): boolean {
  const url = URL.parse(origin);
  if (url === null || host === null) return false;
  return url.host === hostOf(`${url.protocol}//${host}`);
}

/** Without the port that the scheme has anyway. */
function hostOf(text: string): string | undefined {
  return URL.parse(text)?.host;
}

function framed(): Refusal {
  return {
    reason: "framed",
    status: 403,
    code: "DENIED",
    message: "The console is not shown inside another page",
  };
}

function foreign(): Refusal {
  return {
    reason: "cross-origin",
    status: 403,
    code: "DENIED",
    message: "Another origin asks: only pages of the console itself may",
  };
}
