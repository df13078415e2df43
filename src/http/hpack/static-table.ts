import { KnownField } from "./field.ts";

/** RFC 7541 appendix A, `name` or `name=value`, index 1 first. */
const ENTRIES = [
  ":authority",
  ":method=GET",
  ":method=POST",
  ":path=/",
  ":path=/index.html",
  ":scheme=http",
  ":scheme=https",
  ":status=200",
  ":status=204",
  ":status=206",
  ":status=304",
  ":status=400",
  ":status=404",
  ":status=500",
  "accept-charset",
  "accept-encoding=gzip, deflate",
  "accept-language",
  "accept-ranges",
  "accept",
  "access-control-allow-origin",
  "age",
  "allow",
  "authorization",
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-range",
  "content-type",
  "cookie",
  "date",
  "etag",
  "expect",
  "expires",
  "from",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "last-modified",
  "link",
  "location",
  "max-forwards",
  "proxy-authenticate",
  "proxy-authorization",
  "range",
  "referer",
  "refresh",
  "retry-after",
  "server",
  "set-cookie",
  "strict-transport-security",
  "transfer-encoding",
  "user-agent",
  "vary",
  "via",
  "www-authenticate",
];

export const STATIC_COUNT = ENTRIES.length;

/** By index; 0 is no entry. */
export const STATIC_FIELDS: readonly KnownField[] = ["", ...ENTRIES].map((entry) => {
  const [name = "", value = ""] = entry.split("=");
  return new KnownField(name, value, false);
});

/** The first index with a name. */
export const STATIC_NAMES: ReadonlyMap<string, number> = new Map(
  STATIC_FIELDS.map(({ name }, index) => [name, index] as const)
    .slice(1)
    .toReversed(),
);

/** The index of an entry with this name and value; 0 when there is none. */
export function staticIndex(name: string, value: string): number {
  const first = STATIC_NAMES.get(name);
  if (first === undefined) return 0;
  for (let index = first; index <= STATIC_COUNT && STATIC_FIELDS[index]!.name === name; index++) {
    if (STATIC_FIELDS[index]!.value === value) return index;
  }
  return 0;
}
