import { CSRF_HEADER } from "./csrf.ts";
import type { Refusal } from "./refusal.ts";

/* What the server refuses, each in words. */

export function busy(): Refusal {
  return {
    reason: "busy",
    status: 503,
    code: "UNREACHABLE",
    message: "The console is busy: try again in a moment",
    headers: { "retry-after": "1" },
  };
}

export function wrongHost(): Refusal {
  return {
    reason: "host",
    status: 421,
    code: "DENIED",
    message: "The console does not answer to this host name",
    hint: "By its address, or started with: isthmus console --host NAME",
  };
}

export function wrongMethod(method: string, allowed = "GET, HEAD"): Refusal {
  return {
    reason: "method",
    status: 405,
    code: "INVALID",
    message: `${method} is not possible here`,
    headers: { allow: allowed },
  };
}

export function noToken(): Refusal {
  return {
    reason: "csrf",
    status: 403,
    code: "DENIED",
    message: `The header ${CSRF_HEADER} is missing or of another session`,
    hint: "Its value is in /api/v1/about; after a new start of the console, reload the page",
  };
}

export function noControls(): Refusal {
  return {
    reason: "not-found",
    status: 404,
    code: "NOT_FOUND",
    message: "Nothing can be broken here: these clusters are no sandbox",
    hint: "isthmus demo",
  };
}

export function notFound(path: string): Refusal {
  return {
    reason: "not-found",
    status: 404,
    code: "NOT_FOUND",
    message: `There is no ${path.slice(0, 200)}`,
  };
}

export function tooManyStreams(): Refusal {
  return {
    reason: "streams",
    status: 503,
    code: "UNREACHABLE",
    message:
      "So many pages follow this console that one more is not served live: close one, or try again later",
    headers: { "retry-after": "10" },
  };
}
