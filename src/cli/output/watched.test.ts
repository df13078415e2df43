import { expect, test } from "bun:test";
import { IsthmusError } from "#core/errors.ts";
import type { Session } from "../session.ts";
import { MemoryIo } from "../testing/memory-io.ts";
import { showWatched } from "./watched.ts";

/** Looks at these one after the other, each at once, and ends when there are no more. */
async function shown(looks: readonly (object | Error)[], output?: string): Promise<string> {
  const io = new MemoryIo();
  const end = new AbortController();
  let at = 0;
  const look = (): Promise<object> => {
    const next = looks[at++];
    if (at >= looks.length) end.abort();
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next ?? {});
  };
  // Of a session only where to write is used.
  await showWatched({ look, text, output, signal: end.signal, periodMs: 0 }, { io } as unknown as Session);
  return io.stdout;
}

function text(seen: object): string {
  return `${JSON.stringify(seen)}\n`;
}

const AWAY = new IsthmusError("UNREACHABLE", "The API server is away");

test("what changed is shown, once", async () => {
  expect(await shown([{ a: 1 }, { a: 1 }, { a: 2 }])).toBe('{"a":1}\n\n{"a":2}\n');
});

test("as JSON each change is a line, as YAML a document", async () => {
  expect(await shown([{ a: 1 }, { a: 2 }], "json")).toBe('{"a":1}\n{"a":2}\n');
  expect(await shown([{ a: 1 }, { a: 2 }], "yaml")).toBe("a: 1\n---\na: 2\n");
});

test("an API server that is away for a moment holds the view; a first look that fails is an error", async () => {
  expect(await shown([{ a: 1 }, AWAY, { a: 2 }])).toBe('{"a":1}\n\n{"a":2}\n');
  await expect(shown([AWAY, { a: 1 }])).rejects.toThrow("The API server is away");
  await expect(shown([{ a: 1 }, new IsthmusError("DENIED", "Not allowed")])).rejects.toThrow("Not allowed");
});
