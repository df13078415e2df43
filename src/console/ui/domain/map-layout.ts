/*
 * Where the sites of a network stand on the map. Depends on names and links alone, never on what is up or how much flows, so that nothing
 * moves while one looks at it: the site at the centre (the observer's own) is the first column, its neighbours the second, and so on.
 */

export interface MapSize {
  readonly cardWidth: number;
  readonly cardHeight: number;
  /** Between columns, where labels of links stand; shrinks to `minColumnGap` when there is too little room. */
  readonly columnGap: number;
  readonly minColumnGap: number;
  readonly rowGap: number;
  /** Most sites of one column; a layer with more takes several columns. */
  readonly rows: number;
}

export interface MapInput {
  readonly sites: readonly { readonly id: string; readonly name: string; readonly self: boolean }[];
  readonly links: readonly { readonly id: string; readonly from: string; readonly to: string }[];
  readonly width: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface MapPlan {
  readonly width: number;
  readonly height: number;
  /** Upper left corner of each site's card. */
  readonly sites: ReadonlyMap<string, Point>;
  readonly links: ReadonlyMap<string, PlannedLink>;
}

/** A cubic curve: its beginning, two handles, its end. */
export type Curve = readonly [Point, Point, Point, Point];

export interface PlannedLink {
  /** From the card of `from` to that of `to`. */
  readonly curve: Curve;
  /** Middle of the label. */
  readonly label: Point;
  /** On the map, `to` lies this way as seen from `from`. */
  readonly towards: "right" | "left" | "down" | "up";
}

type Card = Point & { readonly column: number };

export function planMap(input: MapInput, size: MapSize): MapPlan {
  const columns = columnsOf(input, size.rows);
  const { cardWidth, cardHeight } = size;
  const tallest = Math.max(1, ...columns.map(({ length }) => length));
  const height = tallest * cardHeight + (tallest - 1) * size.rowGap;
  const arcs = hasArcAtTheEnd(input, columns) ? size.columnGap * 0.6 : 0;
  const gaps = Math.max(1, columns.length - 1);
  const room = (input.width - arcs - columns.length * cardWidth) / gaps;
  const gap = Math.max(size.minColumnGap, Math.min(size.columnGap, room));
  const used = columns.length * cardWidth + (columns.length - 1) * gap + arcs;
  const left = Math.max(0, (input.width - used) / 2);
  const cards = new Map<string, Card>();
  for (const [column, ids] of columns.entries()) {
    const top = (height - ids.length * cardHeight - (ids.length - 1) * size.rowGap) / 2;
    for (const [row, id] of ids.entries()) {
      cards.set(id, {
        x: left + column * (cardWidth + gap),
        y: top + row * (cardHeight + size.rowGap),
        column,
      });
    }
  }
  return {
    width: Math.max(used, input.width),
    height,
    sites: cards,
    links: planLinks(input.links, cards, size),
  };
}

/** Ids by column, each column from top to bottom. */
function columnsOf({ sites, links }: MapInput, rows: number): string[][] {
  const names = new Map(sites.map(({ id, name }) => [id, name]));
  const near = new Map<string, string[]>(sites.map(({ id }) => [id, []]));
  for (const { from, to } of links) {
    if (from === to || !near.has(from) || !near.has(to)) continue;
    near.get(from)?.push(to);
    near.get(to)?.push(from);
  }
  const byName = (a: string, b: string): number =>
    (names.get(a) ?? a).localeCompare(names.get(b) ?? b) || a.localeCompare(b);
  const left = new Set(sites.map(({ id }) => id).toSorted(byName));
  const layers: string[][] = [];
  const centre = sites.find(({ self }) => self)?.id ?? [...left][0];
  // Sites without any path stand in columns of their own, after the others.
  for (let start = centre; start !== undefined; start = [...left][0]) {
    for (let layer = [start]; layer.length > 0; layer = next(layer)) {
      layers.push(layer);
    }
  }
  function next(layer: readonly string[]): string[] {
    for (const id of layer) left.delete(id);
    const found = new Set(layer.flatMap((id) => near.get(id) ?? []).filter((id) => left.has(id)));
    for (const id of found) left.delete(id);
    // Below the one that leads to it, so that links cross little; by name where that decides nothing.
    const parent = (id: string): number =>
      average((near.get(id) ?? []).map((other) => layer.indexOf(other)).filter((index) => index >= 0));
    return [...found].toSorted((a, b) => parent(a) - parent(b) || byName(a, b));
  }
  return layers.flatMap((layer) => {
    const parts = Math.ceil(layer.length / rows);
    const each = Math.ceil(layer.length / parts);
    return Array.from({ length: parts }, (_, part) => layer.slice(part * each, (part + 1) * each));
  });
}

function hasArcAtTheEnd({ links }: MapInput, columns: readonly (readonly string[])[]): boolean {
  const last = columns.at(-1) ?? [];
  return links.some(
    ({ from, to }) =>
      Math.abs(last.indexOf(from) - last.indexOf(to)) > 1 && last.includes(from) && last.includes(to),
  );
}

function planLinks(
  links: MapInput["links"],
  cards: ReadonlyMap<string, Card>,
  size: MapSize,
): ReadonlyMap<string, PlannedLink> {
  const plans = new Map<string, PlannedLink>();
  const ports = portsOf(links, cards, size);
  const pairs = new Map<string, number>();
  for (const link of links.toSorted((a, b) => a.id.localeCompare(b.id))) {
    const [from, to] = [cards.get(link.from), cards.get(link.to)];
    if (from === undefined || to === undefined || from === to) continue;
    const pair = [link.from, link.to].toSorted().join(" ");
    const nth = pairs.get(pair) ?? 0;
    pairs.set(pair, nth + 1);
    plans.set(
      link.id,
      from.column === to.column ? upright({ from, to, nth, size }) : across({ link, from, to, ports, size }),
    );
  }
  return plans;
}

/** Between columns: from side to side, in a gentle curve. */
function across(options: {
  link: MapInput["links"][number];
  from: Card;
  to: Card;
  ports: ReadonlyMap<string, number>;
  size: MapSize;
}): PlannedLink {
  const { link, from, to, ports, size } = options;
  const right = to.column > from.column;
  const start = {
    x: right ? from.x + size.cardWidth : from.x,
    y: ports.get(`${link.id} ${link.from}`) ?? from.y,
  };
  const end = { x: right ? to.x : to.x + size.cardWidth, y: ports.get(`${link.id} ${link.to}`) ?? to.y };
  const middle = (start.x + end.x) / 2;
  return {
    curve: [start, { x: middle, y: start.y }, { x: middle, y: end.y }, end],
    label: { x: middle, y: (start.y + end.y) / 2 },
    towards: right ? "right" : "left",
  };
}

/** Within a column: straight to the next one, round the right side to one further away. */
function upright(options: { from: Card; to: Card; nth: number; size: MapSize }): PlannedLink {
  const { from, to, nth, size } = options;
  const down = to.y > from.y;
  const [upper, lower] = down ? [from, to] : [to, from];
  const towards = down ? "down" : "up";
  if (lower.y - upper.y < 2 * size.cardHeight + size.rowGap && nth === 0) {
    const x = from.x + size.cardWidth / 2;
    const [top, bottom] = [upper.y + size.cardHeight, lower.y];
    const [start, end] = down ? [top, bottom] : [bottom, top];
    const curve: Curve = [
      { x, y: start },
      { x, y: start },
      { x, y: end },
      { x, y: end },
    ];
    return { curve, label: { x, y: (top + bottom) / 2 }, towards };
  }
  const x = from.x + size.cardWidth;
  const out = x + size.columnGap * (0.45 + 0.2 * nth);
  const [high, low] = [size.cardHeight * 0.2, size.cardHeight * 0.8];
  const [y1, y2] = down ? [from.y + low, to.y + high] : [from.y + high, to.y + low];
  return {
    curve: [
      { x, y: y1 },
      { x: out, y: y1 },
      { x: out, y: y2 },
      { x, y: y2 },
    ],
    // The middle of a cubic curve: an eighth of its ends, three eighths of its handles.
    label: { x: (x + 3 * out) / 4, y: (y1 + y2) / 2 },
    towards,
  };
}

/** Where links leave a card's side: spread over its height, in the order of what they lead to. */
function portsOf(
  links: MapInput["links"],
  cards: ReadonlyMap<string, Card>,
  size: MapSize,
): ReadonlyMap<string, number> {
  const sides = new Map<string, { key: string; at: number; id: string }[]>();
  for (const link of links) {
    for (const [here, there] of [
      [link.from, link.to],
      [link.to, link.from],
    ] as const) {
      const [card, other] = [cards.get(here), cards.get(there)];
      if (card === undefined || other === undefined || card.column === other.column) continue;
      const side = `${here} ${other.column > card.column}`;
      sides.set(side, [...(sides.get(side) ?? []), { key: `${link.id} ${here}`, at: other.y, id: link.id }]);
    }
  }
  const ports = new Map<string, number>();
  for (const [side, ends] of sides) {
    const card = cards.get(side.slice(0, side.lastIndexOf(" ")));
    if (card === undefined) continue;
    const sorted = ends.toSorted((a, b) => a.at - b.at || a.id.localeCompare(b.id));
    for (const [index, { key }] of sorted.entries()) {
      ports.set(key, card.y + (size.cardHeight * (index + 1)) / (sorted.length + 1));
    }
  }
  return ports;
}

function average(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** As SVG writes it. */
export function pathOf([start, a, b, end]: Curve): string {
  return `M${at(start)}C${at(a)} ${at(b)} ${at(end)}`;
}

/** Points along a curve, its beginning and end among them. */
export function pointsAlong([start, a, b, end]: Curve, count: number): Point[] {
  return Array.from({ length: count }, (_, index) => {
    const t = index / (count - 1);
    const u = 1 - t;
    const mix = (of: (point: Point) => number): number =>
      u * u * u * of(start) + 3 * u * u * t * of(a) + 3 * u * t * t * of(b) + t * t * t * of(end);
    return { x: mix(({ x }) => x), y: mix(({ y }) => y) };
  });
}

function at({ x, y }: Point): string {
  return `${n(x)} ${n(y)}`;
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}
