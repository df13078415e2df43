import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { MemoryIo } from "../testing/memory-io.ts";
import { Progress } from "./progress.ts";

test("what takes only a moment is not talked about", () => {
  const io = new MemoryIo();
  const clock = new FakeClock();
  const progress = new Progress(io, clock);
  progress.say("Waiting for the site");
  clock.advance(200);
  progress.end();
  clock.advance(1000);
  expect(io.stderr).toBe("");
});

test("in a pipe each text is one line, said once", () => {
  const io = new MemoryIo();
  const clock = new FakeClock();
  const progress = new Progress(io, clock);
  progress.say("Waiting for the site");
  clock.advance(5000);
  progress.say("Waiting for the site");
  progress.say("Waiting for the router");
  progress.end();
  expect(io.stderr).toBe("Waiting for the site\nWaiting for the router\n");
});

test("on a terminal the line moves in place and is gone at the end", () => {
  const io = new MemoryIo({ terminal: true });
  const clock = new FakeClock();
  const progress = new Progress(io, clock);
  progress.say("Waiting");
  clock.advance(450);
  progress.end();
  expect(Bun.stripANSI(io.stderr)).toBe("\r⠋ Waiting\r⠙ Waiting\r");
  expect(io.stderr.endsWith("\r\u001b[K")).toBe(true);
});
