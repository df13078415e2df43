import { expect, test } from "bun:test";
import { IsthmusError } from "#core/errors.ts";
import { Progress } from "./output/progress.ts";
import { MemoryIo } from "./testing/memory-io.ts";
import { waitUntil } from "./wait.ts";

const progress = new Progress(new MemoryIo());

test("looks until it is done, through an API server that is away", async () => {
  const looks = [
    () => Promise.resolve({ pending: "starting" }),
    () => Promise.reject(new IsthmusError("UNREACHABLE", "Cannot reach the API server")),
    () => Promise.resolve({ done: 7 }),
  ];
  const look = () => looks.shift()?.() ?? Promise.reject(new Error("too many looks"));
  expect(await waitUntil<number>({ what: "it", timeoutMs: 5000, progress, hint: "", look })).toBe(7);
});

test("gives up with the last reason and the next command", async () => {
  const waiting = waitUntil({
    what: "the site",
    timeoutMs: 120,
    progress,
    hint: "isthmus status",
    look: () => Promise.resolve({ pending: "router is starting" }),
  });
  expect(await waiting.catch((error: unknown) => error)).toMatchObject({
    code: "TIMEOUT",
    message: "Waited 0s for the site: router is starting",
    hint: "isthmus status",
  });
});

test("what cannot become better ends it at once", async () => {
  const refused = new IsthmusError("DENIED", "The token was used already");
  const waiting = waitUntil({
    what: "it",
    timeoutMs: 5000,
    progress,
    hint: "",
    look: () => Promise.reject(refused),
  });
  expect(await waiting.catch((error: unknown) => error)).toBe(refused);
});
