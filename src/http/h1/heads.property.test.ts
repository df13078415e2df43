import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { seededRandom } from "#core/random.ts";
import { ByteWriter } from "../byte-writer.ts";
import { METHOD } from "./method.ts";
import { RequestHead } from "./request-head.ts";
import { ResponseHead } from "./response-head.ts";
import {
  ANSWER,
  EDIT,
  latin1Bytes,
  latin1Text,
  parseRequest,
  parseResponse,
  writeRequest,
  writeResponse,
} from "./testing/heads.ts";
import { Mutator, REQUESTS, RESPONSES } from "./testing/mutator.ts";

type Head = RequestHead | ResponseHead;

const KINDS = [
  { kind: "request", make: (): Head => new RequestHead(), valid: REQUESTS },
  { kind: "response", make: (): Head => new ResponseHead(), valid: RESPONSES },
] as const;

/** What is known of a head that was read. */
function factsOf(head: Head): unknown {
  const { minor, contentLength, keepAlive, upgrade, problem } = head;
  if (problem !== undefined) return problem.code;
  if (head instanceof ResponseHead) return { minor, contentLength, keepAlive, upgrade, status: head.status };
  const { method, framing, expectContinue } = head;
  const target = latin1Text(head.bytes.subarray(head.targetFrom, head.targetTo));
  return {
    minor,
    contentLength,
    keepAlive,
    upgrade,
    method,
    framing,
    expectContinue,
    target,
    path: head.path(),
  };
}

/** What any reader takes for the same: one space, one colon, no white space at ends, no lone CR or LF. */
const PLAIN =
  /^[^\r\n]+\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: (?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?\r\n)*\r\n$/;

/** How many header lines say where the body ends. */
function framings(text: string): number {
  return text.match(/\r\n(content-length|transfer-encoding):/gi)?.length ?? 0;
}

function written(head: Head): string {
  const out = new ByteWriter();
  if (head instanceof RequestHead) head.write(out, EDIT);
  else head.write(out, ANSWER);
  return latin1Text(out.written());
}

describe.each(KINDS)("a $kind head", ({ make, valid }) => {
  const mutants = (seed: number, count: number) => {
    const mutator = new Mutator(seededRandom(seed), valid);
    return Array.from({ length: count }, () => mutator.next());
  };

  test("is read alike however it is cut", () => {
    for (const mutant of [...valid.map(latin1Bytes), ...mutants(1, 1500)]) {
      // Behind its end, so that no line is left open.
      const bytes = latin1Bytes(`${latin1Text(mutant)}\r\n\r\n`);
      const whole = make();
      const result = whole.parse(bytes, 0, bytes.length);
      const expected = { result, facts: factsOf(whole), sent: result > 0 ? written(whole) : "" };

      const slow = make();
      let read = 0;
      for (let to = 1; to <= bytes.length && read === 0; to++) read = slow.parse(bytes, 0, to);
      expect({ result: read, facts: factsOf(slow), sent: read > 0 ? written(slow) : "" }).toEqual(expected);

      for (let cut = 1; cut < bytes.length; cut += 7) {
        const twice = make();
        const first = twice.parse(bytes.slice(0, cut), 0, cut);
        const second = first === 0 ? twice.parse(bytes, 0, bytes.length) : first;
        expect({ result: second, facts: factsOf(twice) }).toEqual({ result, facts: expected.facts });
      }
    }
  });

  test("never throws, whatever comes", () => {
    const head = make();
    const octet = fc.oneof(fc.constantFrom(...latin1Bytes("\r\n: \t,;HTP/1.0GET*")), fc.nat(255));
    const property = fc.property(fc.array(octet, { maxLength: 80 }), fc.nat(40), (octets, cut) => {
      const bytes = Uint8Array.from(octets);
      head.reset();
      const first = head.parse(bytes, 0, Math.min(cut, bytes.length));
      const result = first === 0 ? head.parse(bytes, 0, bytes.length) : first;
      expect(result < 0).toBe(head.problem !== undefined);
      expect(result).toBeLessThanOrEqual(bytes.length);
    });
    fc.assert(property, { numRuns: 5000 });
  });

  test("written anew is read as the same, and written the same again", () => {
    let taken = 0;
    for (const bytes of mutants(2, 20_000)) {
      const head = make();
      if (head.parse(bytes, 0, bytes.length) <= 0) continue;
      taken++;
      const sent = written(head);
      if (!PLAIN.test(sent)) expect(sent).toMatch(PLAIN);
      expect(framings(sent)).toBeLessThanOrEqual(1);
      const again = make();
      const result = again.parse(latin1Bytes(sent), 0, sent.length);
      if (result !== sent.length || written(again) !== sent) {
        expect({
          came: latin1Text(bytes),
          sent,
          result,
          code: again.problem?.code,
          again: written(again),
        }).toBeUndefined();
      }
      const { contentLength } = head;
      // A status without a body has no length to tell.
      const told = head instanceof RequestHead || (head.status >= 200 && head.status !== 204);
      expect(again.contentLength).toBe(told ? contentLength : -1);
    }
    expect(taken).toBeGreaterThan(5000);
  });
});

const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^`|~-]{1,12}$/);
const value = fc.stringMatching(/^([!-~\x80-\xff]([\t !-~\x80-\xff]{0,20}[!-~\x80-\xff])?)?$/);
const space = fc.stringMatching(/^[ \t]{0,3}$/);
const fields = fc.array(
  fc.record({ name: token.map((text) => `X-${text}`), value, before: space, behind: space }),
  {
    maxLength: 12,
  },
);

test("every header is sent on once, in order, with its value", () => {
  const property = fc.property(
    fields,
    fc.constantFrom("", "Content-Length: 5\r\n", "Connection: close\r\n"),
    fc.nat(12),
    (lines, other, place) => {
      const texts = lines.map(
        ({ name, value: text, before, behind }) => `${name}:${before}${text}${behind}\r\n`,
      );
      texts.splice(place, 0, other);
      const even = lines.map(({ name, value: text }) => `${name}: ${text}\r\n`).join("");
      const request = parseRequest(`GET / HTTP/1.1\r\nHost: a\r\n${texts.join("")}\r\n`);
      expect(request.code).toBeUndefined();
      expect(writeRequest(request.head)).toStartWith(`GET / HTTP/1.1\r\nHost: a\r\n${even}X-Forwarded-For: `);
      const response = parseResponse(`HTTP/1.1 200 OK\r\n${texts.join("")}\r\n`);
      expect(response.code).toBeUndefined();
      expect(writeResponse(response.head)).toStartWith(`HTTP/1.1 200 OK\r\n${even}`);
      for (const { name } of lines) {
        const same = lines.filter((line) => line.name.toLowerCase() === name.toLowerCase());
        expect(request.head.header(name.toLowerCase())).toBe(same.map((line) => line.value).join(", "));
      }
    },
  );
  fc.assert(property, { numRuns: 1000 });
});

test("a target is sent on as it is, less the prefix", () => {
  const segment = fc.stringMatching(/^[a-zA-Z0-9._~%!$&'()*+,;=:@-]{0,8}$/);
  const property = fc.property(
    fc.array(segment, { minLength: 1, maxLength: 4 }),
    fc.option(segment),
    segment,
    (path, query, prefix) => {
      const rest = `/${path.join("/")}${query === null ? "" : `?${query}`}`;
      const { head, code } = parseRequest(`PATCH /${prefix}${rest} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect([code, head.method]).toEqual([undefined, METHOD.PATCH]);
      expect(writeRequest(head)).toStartWith(`PATCH /${prefix}${rest} HTTP/1.1\r\n`);
      expect(writeRequest(head, { stripBytes: prefix.length + 1 })).toStartWith(`PATCH ${rest} HTTP/1.1\r\n`);
    },
  );
  fc.assert(property, { numRuns: 1000 });
});
