import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A message as llhttp reports it. */
export interface WitnessMessage {
  readonly method: string;
  readonly url: string;
  readonly version: string;
  readonly status: number | undefined;
  /** By name in small letters, joined as lists are. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** llhttp saw the whole head. */
  readonly headComplete: boolean;
  readonly complete: boolean;
}

/** One case of llhttp's own tests: an input, and what llhttp makes of it. */
export interface WitnessCase {
  /** File and heading; a heading that comes twice has a number behind it. */
  readonly name: string;
  /** `request` or `response`, with what llhttp was told to let pass: `request-lenient-headers`. */
  readonly type: string;
  /** llhttp was told that there is no body, whatever the head says. */
  readonly skipBody: boolean;
  readonly input: Uint8Array;
  readonly messages: readonly WitnessMessage[];
  /** Why llhttp refused the input; undefined when it did not. */
  readonly error: string | undefined;
  /** llhttp left the connection to another protocol. */
  readonly upgraded: boolean;
}

/** All cases in the folder; undefined when it is not there. */
export function readWitness(folder: string): readonly WitnessCase[] | undefined {
  if (!existsSync(folder)) return undefined;
  const cases: WitnessCase[] = [];
  const names = new Map<string, number>();
  for (const kind of ["request", "response"]) {
    for (const file of readdirSync(join(folder, kind)).toSorted()) {
      for (const found of casesIn(readFileSync(join(folder, kind, file), "utf8"))) {
        const name = `${kind}/${file}: ${found.heading}`;
        const times = (names.get(name) ?? 0) + 1;
        names.set(name, times);
        cases.push({ ...found, name: times === 1 ? name : `${name} (${times})` });
      }
    }
  }
  return cases;
}

const BLOCK = /<!-- meta=(\{.*?\})\s*-->\s*```http\n([^]*?)```[^]*?```log\n([^]*?)```/g;

function* casesIn(markdown: string): Generator<Omit<WitnessCase, "name"> & { heading: string }> {
  for (const match of markdown.matchAll(BLOCK)) {
    const [, meta = "", http = "", log = ""] = match;
    const headings = [...markdown.slice(0, match.index).matchAll(/^#+ +(.*)$/gm)];
    const { type, skipBody = false } = JSON.parse(meta) as { type: string; skipBody?: boolean };
    const input = inputOf(http);
    yield { heading: headings.at(-1)?.[1] ?? "", type, skipBody, input, ...readLog(log, input) };
  }
}

/** The notation of the corpus: a line ends with CRLF, unless a backslash stands before its end; some escapes. */
function inputOf(block: string): Uint8Array {
  const text = block
    .replace(/\n$/, "")
    .replaceAll(/\\\n/g, "")
    .replaceAll("\n", "\r\n")
    .replaceAll("\\r", "\r")
    .replaceAll("\\n", "\n")
    .replaceAll("\\t", "\t")
    .replaceAll("\\f", "\f")
    .replaceAll(/\\x([0-9a-fA-F]+)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(text, "utf8");
}

class MessageUnderWay {
  method = "";
  url = "";
  version = "";
  status: number | undefined;
  headers = new Map<string, string>();
  body = "";
  headComplete = false;
  complete = false;
  name = "";
  value = "";

  /** Adds the header whose value has ended. */
  endHeader(): void {
    if (!this.headComplete) {
      const name = this.name.toLowerCase();
      const before = this.headers.get(name);
      const value = this.value.trim();
      this.headers.set(name, before === undefined ? value : `${before}, ${value}`);
    }
    this.name = this.value = "";
  }
}

function readLog(log: string, input: Uint8Array): Pick<WitnessCase, "messages" | "error" | "upgraded"> {
  const messages: MessageUnderWay[] = [];
  let error: string | undefined;
  let upgraded = false;
  for (const line of log.split("\n")) {
    const message = messages.at(-1);
    const span = /^off=(\d+) len=(\d+) span\[(\w+)\]=/.exec(line);
    if (span !== null && message !== undefined) {
      const [, offset, length, what = ""] = span;
      const text = Buffer.from(input.subarray(Number(offset), Number(offset) + Number(length))).toString(
        "latin1",
      );
      if (what === "method" || what === "url" || what === "version" || what === "body") message[what] += text;
      else if (what === "header_field") message.name += text;
      else if (what === "header_value") message.value += text;
    } else if (line.endsWith(" message begin")) {
      messages.push(new MessageUnderWay());
    } else if (line.endsWith(" header_value complete")) {
      message?.endHeader();
    } else if (line.endsWith(" message complete")) {
      message!.complete = true;
    } else if (line.includes(" headers complete ")) {
      message!.headComplete = true;
      const status = /status=(\d+)/.exec(line)?.[1];
      message!.status = status === undefined ? undefined : Number(status);
    } else if (line.includes(" error code=")) {
      upgraded = /code=2[23] /.test(line);
      if (!upgraded) error = /reason="(.*)"/.exec(line)?.[1] ?? line;
    }
  }
  return { messages, error, upgraded };
}
