/** What a path under /api or /apis names. */
export interface ResourcePath {
  group: string;
  version: string;
  /** "" = cluster scope or all namespaces. */
  namespace: string;
  /** "" = the group version itself (discovery). */
  resource: string;
  name: string;
  subresource: string;
}

/** Reads `/api/v1/...` and `/apis/GROUP/VERSION/...`; undefined for anything else. */
export function parseResourcePath(path: string): ResourcePath | undefined {
  let parts: string[];
  try {
    parts = path
      .split("/")
      .filter((part) => part !== "")
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
  let group = "";
  let rest: string[];
  if (parts[0] === "api" && parts.length >= 2) rest = parts.slice(1);
  else if (parts[0] === "apis" && parts.length >= 3) {
    group = parts[1] ?? "";
    rest = parts.slice(2);
  } else return undefined;
  const [version = "", ...tail] = rest;
  const base = { group, version, namespace: "", resource: "", name: "", subresource: "" };
  if (tail.length === 0) return base;
  if (tail[0] === "namespaces" && tail.length >= 3 && !isNamespaceSubresource(tail)) {
    const [, namespace = "", resource = "", name = "", subresource = "", ...more] = tail;
    return more.length > 0 ? undefined : { ...base, namespace, resource, name, subresource };
  }
  const [resource = "", name = "", subresource = "", ...more] = tail;
  return more.length > 0 ? undefined : { ...base, resource, name, subresource };
}

/** `namespaces/x/status` and `namespaces/x/finalize` are about the namespace. */
function isNamespaceSubresource(tail: readonly string[]): boolean {
  return tail.length === 3 && (tail[2] === "status" || tail[2] === "finalize");
}
