import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { keyOf, ListenerBook, type ServiceListener, uniqueListeners } from "./listener-book.ts";

const WEB = { service: "shop/web", port: 80, protocol: "http" } as const;
const API = { service: "shop/api", port: 80, protocol: "auto" } as const;

class Desk {
  written: ServiceListener[] = [];
  readonly there = new Set(["shop/web", "shop/api"]);
  readonly clock = new FakeClock();
  over = 0;
  readonly book = new ListenerBook({
    written: {
      list: () => this.written,
      portOf: (of) => this.written.find((one) => keyOf(one) === keyOf(of))?.listenerPort,
    },
    clock: this.clock,
    isThere: (service) => this.there.has(service),
    lingerMs: 1000,
    onOver: () => this.over++,
  });

  get all(): string[] {
    return this.book.all().map(({ service, listenerPort }) => `${service} ${listenerPort}`);
  }
}

test("a port is given once, and is the same before and after it is written", () => {
  const desk = new Desk();
  desk.book.allocate([WEB, API]);
  desk.book.allocate([WEB, API]);
  expect(desk.all).toEqual(["shop/web 10000", "shop/api 10001"]);
  desk.written = [{ ...WEB, listenerPort: 10_000 }];
  desk.book.allocate([WEB, API]);
  expect(desk.all).toEqual(["shop/web 10000", "shop/api 10001"]);
  desk.book.allocate([WEB]);
  expect(desk.all).toEqual(["shop/web 10000"]);
});

test("a Service that is still there and leads elsewhere keeps its listener for a while, and gets it again", () => {
  const desk = new Desk();
  desk.written = [{ ...WEB, listenerPort: 10_007 }];
  desk.book.allocate([]);
  desk.written = [];
  desk.book.allocate([]);
  expect(desk.all).toEqual(["shop/web 10007"]);
  desk.book.allocate([API, WEB]);
  expect(desk.all).toEqual(["shop/api 10008", "shop/web 10007"]);
  desk.book.allocate([]);
  expect(desk.all).toEqual([]);
});

test("the while ends, and whoever listens to it is told", () => {
  const desk = new Desk();
  desk.written = [{ ...WEB, listenerPort: 10_000 }];
  desk.book.allocate([]);
  desk.written = [];
  desk.book.allocate([]);
  desk.clock.advance(999);
  expect(desk.all).toHaveLength(1);
  desk.clock.advance(1);
  expect([desk.over, desk.all]).toEqual([1, []]);
});

test("nothing lingers of a Service that is gone, nor of one that has drained", () => {
  for (const end of ["gone", "drained"] as const) {
    const desk = new Desk();
    desk.written = [{ ...WEB, listenerPort: 10_000 }];
    desk.book.allocate([]);
    if (end === "gone") desk.there.delete("shop/web");
    else desk.book.drained("shop/web");
    desk.written = [];
    desk.book.allocate([]);
    expect(desk.all).toEqual([]);
  }
});

test("of two Services with one router port the first by name has it", () => {
  const listeners = [WEB, API].map((one) => ({ ...one, listenerPort: 10_000 }));
  expect(uniqueListeners(listeners).map(({ service }) => service)).toEqual(["shop/api"]);
});
