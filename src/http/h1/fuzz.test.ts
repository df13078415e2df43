import { expect, test } from "bun:test";
import { seededRandom } from "#core/random.ts";
import { latin1Text } from "./testing/heads.ts";
import { Mutator } from "./testing/mutator.ts";
import { disagreement } from "./testing/oracle.ts";
import { DIALECTS, readAsServer, type Dialect } from "./testing/reference-reader.ts";
import { Relay, type Relayed } from "./testing/relay.ts";

const COUNT = Number(process.env["ISTHMUS_FUZZ_COUNT"] ?? 200_000);
const SEED = Number(process.env["ISTHMUS_FUZZ_SEED"] ?? 1);
const TIMEOUT_MS = 600_000;

/** The first thing that one of these servers reads otherwise than we do. */
function firstDisagreement(
  relayed: Relayed,
  dialects: readonly Dialect[],
): { dialect: string; problem: string } | undefined {
  for (const dialect of dialects) {
    const problem = disagreement(relayed, dialect);
    if (problem !== undefined) return { dialect: dialect.name, problem };
  }
  return undefined;
}

test(
  `of ${COUNT} requests with something wrong, a server reads from what is sent on exactly what we read`,
  () => {
    const mutator = new Mutator(seededRandom(SEED));
    const relay = new Relay();
    const [strict, ...lenient] = DIALECTS;
    let sent = 0;
    for (let n = 0; n < COUNT; n++) {
      const stream = mutator.next();
      for (const relayed of relay.relay(stream)) {
        const found = firstDisagreement(relayed, [strict!, lenient[sent++ % lenient.length]!]);
        if (found === undefined) continue;
        expect({ n, ...found, came: latin1Text(stream), sent: latin1Text(relayed.sent) }).toBeUndefined();
      }
    }
    console.log(`fuzz: ${COUNT} mutations (seed ${SEED}), ${sent} requests sent on, all read alike`);
    expect(sent).toBeGreaterThan(COUNT / 10);
  },
  TIMEOUT_MS,
);

test("the servers of this test do disagree about what comes in: they would notice", () => {
  const mutator = new Mutator(seededRandom(SEED));
  let differing = 0;
  const count = 5000;
  for (let n = 0; n < count; n++) {
    const text = latin1Text(mutator.next());
    const readings = new Set(DIALECTS.map((dialect) => JSON.stringify(readAsServer(text, dialect))));
    if (readings.size > 1) differing++;
  }
  console.log(`fuzz: ${differing} of ${count} mutations are read differently when they are not written anew`);
  expect(differing).toBeGreaterThan(count / 10);
});

test.each([
  ["a second request", (sent: string) => `${sent}GET /in HTTP/1.1\r\nHost: a\r\n\r\n`],
  ["a length that is not ours", (sent: string) => sent.replace("Content-Length: 5", "Content-Length: 4")],
  ["a header that did not come", (sent: string) => sent.replace("X: y\r\n", "X: y\r\nZ: z\r\n")],
  ["a header that is missing", (sent: string) => sent.replace("X: y\r\n", "")],
  [
    "a header that is hidden",
    (sent: string) => sent.replace("X: y\r\n", "X: y\nTransfer-Encoding: chunked\r\n"),
  ],
  ["another target", (sent: string) => sent.replace("/a", "/b")],
])("and the oracle sees %s", (_what, spoil) => {
  const text = "POST /a HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 5\r\n\r\nhello";
  const [relayed] = new Relay().relay(Buffer.from(text));
  expect(firstDisagreement(relayed!, DIALECTS)).toBeUndefined();
  const sent = Buffer.from(spoil(latin1Text(relayed!.sent)), "latin1");
  expect(firstDisagreement({ ...relayed!, sent }, DIALECTS)).toBeDefined();
});
