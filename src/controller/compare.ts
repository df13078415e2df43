/** Whether two JSON values say the same; the order of keys is no matter, an undefined field is an absent one. */
export function equals(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => equals(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const key of keys) {
    if (!equals(a[key], b[key])) return false;
  }
  return true;
}

/**
 * Whether `live` says all that `wanted` says. What `wanted` leaves open may be anything (defaults, other managers);
 * lists have to be of the same length, item for item; an empty value is as good as an absent one, because API servers
 * leave empty fields out.
 */
export function covers(live: unknown, wanted: unknown): boolean {
  if (live === wanted) return true;
  if (isEmpty(wanted)) return isEmpty(live) || isObject(wanted);
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(live) && live.length === wanted.length && wanted.every((item, i) => covers(live[i], item))
    );
  }
  if (!isObject(wanted) || !isObject(live)) return false;
  return Object.entries(wanted).every(([key, value]) => covers(live[key], value));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false || value === 0) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.values(value).every((inner) => inner === undefined);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
