import { deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = 8;
const COLOURS = 256;

/**
 * A PNG of 8 bits a channel as one with a palette of 256 colours: the most frequent ones, and for the others the nearest of them. Pictures
 * of a user interface have few colours, so that this is hardly seen and a third as large. (PNG, RFC 2083.)
 */
export function palettePng(png: Uint8Array): Uint8Array {
  const { width, height, channels, data } = read(png);
  const pixels = unfilter(inflateSync(data), { width, height, channels });
  const counts = new Map<number, number>();
  for (let at = 0; at < pixels.length; at += channels) {
    const colour = colourAt(pixels, at);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const palette = [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, COLOURS)
    .map(([colour]) => colour);
  const index = new Map(palette.map((colour, at) => [colour, at]));
  const rows = Buffer.alloc(height * (width + 1));
  for (let row = 0, from = 0; row < height; row++) {
    for (let column = 0; column < width; column++, from += channels) {
      const colour = colourAt(pixels, from);
      let found = index.get(colour);
      if (found === undefined) index.set(colour, (found = nearest(palette, colour)));
      rows[row * (width + 1) + 1 + column] = found;
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    png.subarray(0, SIGNATURE),
    chunk("IHDR", head),
    chunk(
      "PLTE",
      Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255])),
    ),
    chunk("IDAT", deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

interface Picture {
  readonly width: number;
  readonly height: number;
  /** Bytes of a pixel: red, green, blue and perhaps alpha, which is not looked at. */
  readonly channels: number;
}

function read(png: Uint8Array): Picture & { readonly data: Uint8Array } {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const data: Uint8Array[] = [];
  for (let at = SIGNATURE; at < png.length; at += 12 + view.getUint32(at)) {
    const type = new TextDecoder("latin1").decode(png.subarray(at + 4, at + 8));
    if (type === "IDAT") data.push(png.subarray(at + 8, at + 8 + view.getUint32(at)));
  }
  const [depth, kind] = [png[24], png[25]];
  if (depth !== 8 || (kind !== 2 && kind !== 6))
    throw new Error(`A PNG of depth ${depth} and type ${kind} is not read here`);
  return {
    width: view.getUint32(16),
    height: view.getUint32(20),
    channels: kind === 2 ? 3 : 4,
    data: Buffer.concat(data),
  };
}

/** Undoes the filters of the rows (RFC 2083, section 6). */
function unfilter(bytes: Uint8Array, { width, height, channels }: Picture): Uint8Array {
  const stride = width * channels;
  const out = new Uint8Array(stride * height);
  for (let row = 0; row < height; row++) {
    const filter = bytes[row * (stride + 1)] ?? 0;
    for (let column = 0; column < stride; column++) {
      const at = row * stride + column;
      const left = column < channels ? 0 : (out[at - channels] ?? 0);
      const up = row === 0 ? 0 : (out[at - stride] ?? 0);
      const corner = column < channels || row === 0 ? 0 : (out[at - stride - channels] ?? 0);
      out[at] = (bytes[row * (stride + 1) + 1 + column] ?? 0) + predicted(filter, { left, up, corner });
    }
  }
  return out;
}

function predicted(
  filter: number,
  { left, up, corner }: { left: number; up: number; corner: number },
): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const estimate = left + up - corner;
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

function colourAt(pixels: Uint8Array, at: number): number {
  return ((pixels[at] ?? 0) << 16) | ((pixels[at + 1] ?? 0) << 8) | (pixels[at + 2] ?? 0);
}

function nearest(palette: readonly number[], colour: number): number {
  let best = 0;
  let least = Infinity;
  for (const [index, other] of palette.entries()) {
    const red = (colour >> 16) - (other >> 16);
    const green = ((colour >> 8) & 255) - ((other >> 8) & 255);
    const blue = (colour & 255) - (other & 255);
    const distance = red * red + green * green + blue * blue;
    if (distance < least) [best, least] = [index, distance];
  }
  return best;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(Bun.hash.crc32(body));
  return Buffer.concat([length, body, check]);
}
