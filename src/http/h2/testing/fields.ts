import { field, type KnownField } from "#http/hpack/field.ts";

/** A header list from `name: value` pairs. */
export function fields(...list: [string, string][]): KnownField[] {
  return list.map(([name, value]) => field(name, value));
}

/** A request with the given additional fields. */
export function request(method = "GET", ...more: [string, string][]): KnownField[] {
  return fields([":method", method], [":scheme", "http"], [":path", "/"], [":authority", "a.test"], ...more);
}

export function response(status = "200", ...more: [string, string][]): KnownField[] {
  return fields([":status", status], ...more);
}
