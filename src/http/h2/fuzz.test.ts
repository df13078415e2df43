import { expect, test } from "bun:test";
import { seededRandom } from "#core/random.ts";
import { encodeBlock } from "#http/hpack/testing/block.ts";
import { HpackEncoder } from "#http/hpack/encoder.ts";
import { FLAG, FRAME, H2_ERROR, PREFACE } from "./constants.ts";
import { fields, request, response } from "./testing/fields.ts";
import { frame, RawPeer, settings, u32 } from "./testing/raw-peer.ts";
import { Recorder } from "./testing/recorder.ts";

/** More for a long look: `ISTHMUS_FUZZ_COUNT=1000000`. */
const COUNT = Number(process.env["ISTHMUS_FUZZ_COUNT"] ?? 20_000);
const MOST_MS = process.env["ISTHMUS_FUZZ_COUNT"] === undefined ? 4000 : Number.POSITIVE_INFINITY;
const SEED = Number(process.env["ISTHMUS_FUZZ_SEED"] ?? 1);

const END = FLAG.END_HEADERS | FLAG.END_STREAM;

/** A conversation that is valid, to be spoilt. */
function conversation(role: "server" | "client"): Uint8Array[] {
  const encoder = new HpackEncoder();
  const block = (list: Parameters<typeof encodeBlock>[1]): Uint8Array => encodeBlock(encoder, list);
  const first = role === "server" ? request : response;
  const greeting = [
    ...(role === "server" ? [PREFACE] : []),
    frame(FRAME.SETTINGS, { payload: settings([1, 100], [3, 50], [4, 70_000], [5, 20_000], [6, 9000]) }),
    frame(FRAME.SETTINGS, { flags: FLAG.ACK }),
  ];
  const one = block(first());
  const two = block(first(undefined, ["x-a", "1"], ["content-length", "5"]));
  const big = block(first(undefined, ["x-b", "v".repeat(600)]));
  return [
    ...greeting,
    frame(FRAME.HEADERS, { id: 1, flags: END, payload: one }),
    frame(FRAME.HEADERS, { id: 3, flags: FLAG.END_HEADERS, payload: two }),
    frame(FRAME.DATA, { id: 3, payload: [1, 2, 3] }),
    frame(FRAME.DATA, { id: 3, flags: FLAG.PADDED | FLAG.END_STREAM, payload: [4, 4, 5, 0, 0, 0, 0] }),
    frame(FRAME.HEADERS, { id: 5, payload: big.subarray(0, 300) }),
    frame(FRAME.CONTINUATION, { id: 5, flags: FLAG.END_HEADERS, payload: big.subarray(300) }),
    frame(FRAME.DATA, { id: 5, payload: new Uint8Array(2000) }),
    frame(FRAME.WINDOW_UPDATE, { payload: u32(70_000) }),
    frame(FRAME.WINDOW_UPDATE, { id: 5, payload: u32(70_000) }),
    frame(FRAME.HEADERS, { id: 5, flags: END, payload: block(fields(["x-trailer", "1"])) }),
    frame(FRAME.PING, { payload: u32(1, 2) }),
    frame(FRAME.PRIORITY, { id: 7, payload: [0, 0, 0, 1, 5] }),
    frame(FRAME.RST_STREAM, { id: 1, payload: u32(8) }),
    frame(0xfa, { id: 1, payload: [1, 2, 3] }),
    frame(FRAME.SETTINGS, { payload: settings([4, 1000], [1, 0]) }),
    frame(FRAME.GOAWAY, { payload: u32(3, 0) }),
  ];
}

const CONVERSATIONS = { server: conversation("server"), client: conversation("client") };

test("nothing that a peer sends makes a session throw, or leaves it undecided", () => {
  const random = seededRandom(SEED);
  const until = performance.now() + MOST_MS;
  let runs = 0;
  let closed = 0;
  for (; runs < COUNT && performance.now() < until; runs++) {
    const role = random.below(2) === 0 ? "server" : "client";
    const peer = new RawPeer(role);
    const streams: Recorder[] = [];
    if (role === "client") {
      for (let i = 0; i < 3; i++) {
        const recorder = new Recorder();
        recorder.stream = peer.session.request(request("POST"), i === 0, recorder);
        streams.push(recorder);
      }
    }
    const frames = CONVERSATIONS[role].map((bytes) => bytes.slice());
    for (let spoils = random.below(4); spoils >= 0; spoils--) spoil(frames, random);
    const bytes = Buffer.concat(frames);
    const pieces = 1 + random.below(4);
    let from = 0;
    for (let piece = 0; piece < pieces; piece++) {
      const to = piece === pieces - 1 ? bytes.length : from + random.below(bytes.length - from + 1);
      peer.send(Uint8Array.from(bytes.subarray(from, to)));
      from = to;
      act(peer, random);
      if (random.below(3) === 0) peer.drop();
    }
    peer.drop();
    peer.clock.advance(random.below(400_000));
    peer.session.tick(peer.clock.monotonicMs());
    peer.drop();
    if (peer.closed !== undefined) {
      closed++;
      expect(peer.session.streams).toBe(0);
      expect(peer.session.heldBytes).toBe(0);
    }
    for (const recorder of [...peer.accepted, ...streams]) {
      if (peer.closed !== undefined && recorder.stream !== undefined) expect(recorder.stream.over).toBeTrue();
    }
  }
  expect(closed).toBeGreaterThan(0);
  expect(closed).toBeLessThan(runs);
  process.stdout.write(`fuzz: ${runs} conversations, ${closed} of them ended by their session\n`);
}, 600_000);

/** What the owner of a session may do at any moment. */
function act(peer: RawPeer, random: ReturnType<typeof seededRandom>): void {
  const recorder = peer.accepted[random.below(peer.accepted.length + 1)];
  switch (random.below(30)) {
    case 0:
      recorder?.stream?.headers(response(), false);
      recorder?.stream?.data(
        new Uint8Array(random.below(random.below(20) === 0 ? 200_000 : 2000)),
        random.below(2) === 0,
      );
      break;
    case 1:
      recorder?.stream?.headers(response(), true);
      break;
    case 2:
      recorder?.stream?.reset(H2_ERROR.CANCEL);
      break;
    case 3:
      peer.session.goAway();
      break;
    case 4:
      peer.session.transportBlocked(random.below(2) === 0);
      break;
    case 5:
      peer.session.lost("test");
      break;
    default:
      break;
  }
}

function spoil(frames: Uint8Array[], random: ReturnType<typeof seededRandom>): void {
  const at = random.below(frames.length);
  const bytes = frames[at]!;
  switch (random.below(7)) {
    case 0:
      bytes[random.below(bytes.length)] = random.below(256);
      break;
    case 1: {
      const place = random.below(bytes.length);
      bytes[place] = bytes[place]! ^ (1 << random.below(8));
      break;
    }
    case 2:
      frames[at] = bytes.slice(0, random.below(bytes.length));
      break;
    case 3:
      frames.splice(at, 0, frames[random.below(frames.length)]!.slice());
      break;
    case 4:
      frames.splice(at, 1);
      if (frames.length === 0) frames.push(bytes);
      break;
    case 5: {
      const other = random.below(frames.length);
      frames[at] = frames[other]!;
      frames[other] = bytes;
      break;
    }
    default:
      frames.splice(
        at,
        0,
        Uint8Array.from({ length: random.below(40) }, () => random.below(256)),
      );
  }
}
