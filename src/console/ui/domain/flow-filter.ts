/** What flows can be filtered by. */
export const FLOW_KEYS = [
  "service",
  "source",
  "destination",
  "endpoint",
  "client",
  "protocol",
  "outcome",
  "status",
  "method",
  "path",
  "minDurationMs",
] as const;

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  protocol: ["tcp", "http", "grpc"],
  outcome: ["ok", "error"],
};

/** Reads `status:5xx source:c1`. A word alone is a service when it has a slash within, a path when it begins with one, else a status or pod. */
export function parseFilter(text: string): {
  readonly query: Readonly<Record<string, string>>;
  readonly problem?: string;
} {
  const query: Record<string, string> = {};
  for (const word of text.trim().split(/\s+/).filter(Boolean)) {
    const colon = word.indexOf(":");
    const [key, value] =
      colon > 0 && !word.startsWith("/")
        ? [word.slice(0, colon), word.slice(colon + 1)]
        : [guess(word), word];
    const known = FLOW_KEYS.find((each) => each.toLowerCase() === key.toLowerCase());
    if (known === undefined)
      return { query: {}, problem: `Nothing is called "${key}": ${FLOW_KEYS.join(", ")}` };
    if (value === "") return { query: {}, problem: `What ${known}? For example ${known}:${example(known)}` };
    const choices = CHOICES[known];
    if (choices?.includes(value) === false)
      return { query: {}, problem: `${known} is one of ${choices.join(", ")}` };
    if (known === "status" && !/^[1-5](\d\d|xx)$/.test(value)) {
      return { query: {}, problem: "status is one like 503, or a class like 5xx" };
    }
    if (known === "minDurationMs" && !/^\d+$/.test(value))
      return { query: {}, problem: "minDurationMs is a number" };
    query[known] = value;
  }
  return { query };
}

function guess(word: string): (typeof FLOW_KEYS)[number] {
  if (word.startsWith("/")) return "path";
  if (/^[1-5](\d\d|xx)$/.test(word)) return "status";
  if (/^(GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS)$/.test(word)) return "method";
  return word.includes("/") ? "service" : "endpoint";
}

function example(key: string): string {
  if (key === "status") return "5xx";
  if (key === "path") return "/cart";
  if (key === "service") return "namespace/name";
  return CHOICES[key]?.[0] ?? "c1";
}
