import type { ErrorCode } from "#core/errors.ts";

/** Why a request is not answered as asked; each is counted. */
export type RefusalReason =
  | "host"
  | "framed"
  | "cross-origin"
  | "csrf"
  | "method"
  | "login"
  | "attempts"
  | "proxy"
  | "too-large"
  | "streams"
  | "busy"
  | "invalid"
  | "not-found";

export interface Refusal {
  readonly reason: RefusalReason;
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `{"error":{"code","message","hint"}}` */
export function refusalAnswer({ status, code, message, hint, headers }: Refusal): Response {
  return Response.json({ error: { code, message, hint } }, { status, headers: { ...headers } });
}

/** The same for people, where a page was asked for. */
export function refusalText({ status, message, hint, headers }: Refusal): Response {
  const text = hint === undefined ? `${message}\n` : `${message}\n${hint}\n`;
  return new Response(text, {
    status,
    headers: { ...headers, "content-type": "text/plain; charset=utf-8" },
  });
}
