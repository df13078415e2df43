/** Marks the server block that is ours, on the line before it. */
const MARK = '# By "isthmus dns install"; "isthmus dns uninstall" takes it out.';

/** Who answers for the zone in a Corefile. */
export type ZoneServer =
  | { readonly by: "nobody" }
  /** CoreDNS itself, by `multicluster` of its plugin `kubernetes`, or by the plugin of that name. */
  | { readonly by: "coredns" }
  /** A server block of ours; lines `[from, to)`, the mark is the first. */
  | { readonly by: "us"; readonly from: number; readonly to: number }
  /** A server block that somebody else wrote. */
  | { readonly by: "other"; readonly line: number };

export interface Stub {
  /** For example `clusterset.local`. */
  readonly zone: string;
  /** Where queries of the zone go: an address without a port, or words that stand for it. */
  readonly address: string;
  /** How long CoreDNS keeps answers, s; 0 not at all. */
  readonly ttl: number;
}

interface Directive {
  readonly words: readonly string[];
  /** 1 = directly in the server block. */
  readonly depth: number;
  /** The directive around it. */
  readonly parent: Directive | undefined;
}

interface ServerBlock {
  readonly zones: readonly string[];
  /** First and last line. */
  readonly from: number;
  readonly to: number;
  readonly directives: readonly Directive[];
}

export function zoneServer(corefile: string, zone: string): ZoneServer {
  const lines = corefile.split("\n");
  let other: ZoneServer = { by: "nobody" };
  for (const block of serverBlocks(lines)) {
    if (servesItself(block, zone)) return { by: "coredns" };
    if (!block.zones.includes(zone)) continue;
    if (lines[block.from - 1]?.trim() === MARK) return { by: "us", from: block.from - 1, to: block.to + 1 };
    other = { by: "other", line: block.from + 1 };
  }
  return other;
}

/** The Corefile with our block for the zone, in place of an earlier one of ours or at its end. */
export function withStub(corefile: string, stub: Stub): string {
  const { zone, address, ttl } = stub;
  const block = [
    MARK,
    `${zone}:53 {`,
    "    errors",
    ...(ttl > 0 ? [`    cache ${ttl}`] : []),
    `    forward . ${address}`,
    "}",
  ];
  const known = zoneServer(corefile, zone);
  const lines = corefile.split("\n");
  if (known.by === "us")
    return [...lines.slice(0, known.from), ...block, ...lines.slice(known.to)].join("\n");
  const body = corefile.replace(/\n+$/, "");
  return `${body}${body === "" ? "" : "\n"}${block.join("\n")}\n`;
}

/** The Corefile without our block for the zone; as it is when there is none. */
export function withoutStub(corefile: string, zone: string): string {
  const known = zoneServer(corefile, zone);
  if (known.by !== "us") return corefile;
  const lines = corefile.split("\n");
  return [...lines.slice(0, known.from), ...lines.slice(known.to)].join("\n");
}

/** CoreDNS takes a changed Corefile by itself with this plugin only. */
export function reloads(corefile: string): boolean {
  return serverBlocks(corefile.split("\n")).some(({ directives }) =>
    directives.some(({ words, depth }) => depth === 1 && words[0] === "reload"),
  );
}

/** Server blocks come from other files too: then whoever runs the cluster has a place for them, and may write the Corefile anew. */
export function importsServers(corefile: string): boolean {
  return /^import\s+\S*\*\.server\s*$/m.test(corefile);
}

/** A unified diff; one hunk, since only one place ever changes. Empty when both are the same. */
export function unifiedDiff(before: string, after: string, name: string): string {
  if (before === after) return "";
  const [a, b] = [linesOf(before), linesOf(after)];
  let from = 0;
  while (from < a.length && from < b.length && a[from] === b[from]) from++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - from && a.at(-1 - end) === b.at(-1 - end)) end++;
  const begin = Math.max(0, from - CONTEXT_LINES);
  const tail = a.slice(a.length - end, a.length - end + CONTEXT_LINES);
  const [gone, come] = [a.slice(from, a.length - end), b.slice(from, b.length - end)];
  const head = a.slice(begin, from);
  const size = (changed: readonly string[]): string => {
    const count = head.length + changed.length + tail.length;
    return `${count === 0 ? begin : begin + 1},${count}`;
  };
  return [
    `--- ${name}`,
    `+++ ${name}`,
    `@@ -${size(gone)} +${size(come)} @@`,
    ...head.map((line) => ` ${line}`),
    ...gone.map((line) => `-${line}`),
    ...come.map((line) => `+${line}`),
    ...tail.map((line) => ` ${line}`),
    "",
  ].join("\n");
}

const CONTEXT_LINES = 3;

function linesOf(text: string): string[] {
  return text.replace(/\n$/, "").split("\n");
}

function servesItself({ zones, directives }: ServerBlock, zone: string): boolean {
  return directives.some(({ words: [name, ...args], depth, parent }) => {
    if (name !== "multicluster") return false;
    const named = args.map(zoneOf);
    if (depth === 2 && parent?.words[0] === "kubernetes") return named.includes(zone);
    return depth === 1 && (named.length === 0 ? zones : named).includes(zone);
  });
}

/** Server blocks of a Corefile, by its lexical rules: words, quotes, braces at the end of a line, `#` begins a comment. */
function serverBlocks(lines: readonly string[]): ServerBlock[] {
  const blocks: ServerBlock[] = [];
  let zones: string[] = [];
  let from = 0;
  let directives: Directive[] = [];
  const open: (Directive | undefined)[] = [];
  for (const [number, line] of lines.entries()) {
    const words = wordsOf(line);
    if (words.length === 0) continue;
    if (open.length === 0) {
      if (zones.length === 0 && words[0] === "import") continue;
      if (zones.length === 0) from = number;
      zones.push(...words.filter((word) => word !== "{").map(zoneOf));
      if (words.at(-1) === "{") open.push(undefined);
      continue;
    }
    if (words[0] === "}") {
      open.pop();
      if (open.length > 0) continue;
      // A snippet, (name) { … }, serves nothing by itself.
      if (!zones.some((zone) => zone.startsWith("("))) blocks.push({ zones, from, to: number, directives });
      zones = [];
      directives = [];
      continue;
    }
    const opens = words.at(-1) === "{";
    const directive: Directive = {
      words: opens ? words.slice(0, -1) : words,
      depth: open.length,
      parent: open.at(-1),
    };
    directives.push(directive);
    if (opens) open.push(directive);
  }
  return blocks;
}

function wordsOf(line: string): string[] {
  const words = line.match(/"(?:[^"\\]|\\.)*"?|\S+/g) ?? [];
  const comment = words.findIndex((word) => word.startsWith("#"));
  return comment === -1 ? words : words.slice(0, comment);
}

/** `dns://Clusterset.Local.:53,` is the zone `clusterset.local`. */
function zoneOf(word: string): string {
  const name = word
    .toLowerCase()
    .replace(/^"(.*)"(,?)$/, "$1$2")
    .replace(/,$/, "")
    .replace(/^[a-z]+:\/\//, "")
    .replace(/:\d+$/, "");
  return name === "." ? name : name.replace(/\.$/, "");
}
