import { stringify as toYaml } from "yaml";
import type { ApiError } from "../cluster-api.ts";
import { statusOf } from "../errors.ts";

const JSON_TYPE = { "content-type": "application/json" };

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(typeof value === "string" ? value : JSON.stringify(value), {
    status,
    headers: { ...JSON_TYPE, ...headers },
  });
}

export function yaml(value: unknown, status = 200): Response {
  return new Response(toYaml(value), { status, headers: { "content-type": "application/yaml" } });
}

export function text(value: string, status = 200): Response {
  return new Response(value, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}

export function refusal(error: ApiError): Response {
  const after = error.details?.retryAfterSeconds;
  return json(statusOf(error), error.status, after === undefined ? {} : { "retry-after": String(after) });
}
