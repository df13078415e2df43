import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { ByteWriter } from "./byte-writer.ts";

function text(writer: ByteWriter): string {
  return Buffer.from(writer.written()).toString("latin1");
}

test("pieces stand one behind the other, however long they are", () => {
  const piece = fc.uint8Array({ maxLength: 100 });
  const property = fc.property(fc.array(piece), fc.nat(8), (pieces, firstBytes) => {
    const writer = new ByteWriter(firstBytes);
    for (const bytes of pieces) {
      const framed = Uint8Array.of(1, ...bytes, 2);
      writer.copy(framed, 1, framed.length - 1);
    }
    expect([...writer.written()]).toEqual(pieces.flatMap((bytes) => [...bytes]));
  });
  fc.assert(property);
});

test("numbers are written as they are read", () => {
  const edges = [0, 9, 10, 15, 16, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1];
  edges.forEach(checkNumber);
  fc.assert(fc.property(fc.maxSafeNat(), checkNumber));
});

function checkNumber(value: number): void {
  const writer = new ByteWriter();
  writer.decimal(value);
  writer.byte(0x20);
  writer.hex(value);
  expect(text(writer)).toBe(`${value} ${value.toString(16)}`);
}

test("text goes in byte by byte", () => {
  const writer = new ByteWriter(1);
  writer.text("a\xe9");
  writer.all(Uint8Array.of(1, 2));
  expect([...writer.written()]).toEqual([0x61, 0xe9, 1, 2]);
});

test("what is written directly counts", () => {
  const writer = new ByteWriter(1);
  writer.reserve(3);
  writer.bytes.set([7, 8, 9], writer.length);
  writer.length += 3;
  expect([...writer.written()]).toEqual([7, 8, 9]);
});

test("memory is used again after clear, and never after release", () => {
  const writer = new ByteWriter();
  writer.text("first");
  const { bytes } = writer;
  writer.clear();
  writer.text("second");
  expect(writer.bytes).toBe(bytes);
  const given = writer.written();
  writer.release();
  writer.text("third");
  expect([Buffer.from(given).toString(), text(writer)]).toEqual(["second", "third"]);
});
