const MAX_METHOD = 32;
const MAX_HOST = 253;
const MAX_PATH = 200;

/** What a record keeps of a method. */
export function cutMethod(method: string): string {
  return method.slice(0, MAX_METHOD);
}

/** What a record keeps of a host. */
export function cutHost(host: string): string {
  return host.slice(0, MAX_HOST);
}

/** What a record keeps of a path: never the query, which may hold secrets. */
export function cutPath(target: string): string {
  const query = target.search(/[?#]/);
  return target.slice(0, Math.min(MAX_PATH, query < 0 ? target.length : query));
}
