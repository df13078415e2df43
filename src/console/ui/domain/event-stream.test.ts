import { expect, test } from "bun:test";
import { EventParser } from "./event-stream.ts";

test("events are found however the stream is cut", () => {
  const text =
    'event: view\ndata: {"a":1}\n\n: still here\n\nevent: update\r\ndata: one\r\ndata:two\r\n\r\ndata\n\n';
  const wanted = [
    { event: "view", data: '{"a":1}' },
    { event: "update", data: "one\ntwo" },
    { event: "message", data: "" },
  ];
  for (const size of [1, 2, 3, 7, text.length]) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < text.length; at += size) events.push(...parser.push(text.slice(at, at + size)));
    expect(events).toEqual(wanted);
  }
});

test("an event without data is none", () => {
  expect(new EventParser().push("event: view\n\n: hello\n\n")).toEqual([]);
});
