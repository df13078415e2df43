import type { FlowView } from "#observe/views.ts";
import { bytesText, msText, timeText } from "../output/figures.ts";
import type { Style } from "../output/style.ts";
import { padEnd, visibleWidth } from "../output/table.ts";

export interface FlowTextOptions {
  /** Also client, way, attempts and why. */
  readonly wide: boolean;
  readonly style: Style;
  /** Of an id. */
  readonly siteName: (id: string) => string;
}

interface FlowColumn {
  readonly title: string;
  readonly cell: (flow: FlowView, options: FlowTextOptions) => string;
  readonly wide?: boolean;
  /** Room that it takes at least: what comes later should stand under it. */
  readonly least: number;
}

const COLUMNS: readonly FlowColumn[] = [
  { title: "TIME", cell: ({ startedMs }) => timeText(startedMs), least: 12 },
  { title: "FROM", cell: ({ sourceSite }) => sourceSite, least: 4 },
  { title: "CLIENT", cell: ({ client }) => client || "-", wide: true, least: 11 },
  { title: "SERVICE", cell: ({ service, port }) => `${service}:${port}`, least: 16 },
  { title: "TO", cell: ({ destinationSite }) => destinationSite || "-", least: 4 },
  { title: "POD", cell: ({ endpointName }) => endpointName || "-", least: 12 },
  { title: "STATUS", cell: statusText, least: 6 },
  { title: "DURATION", cell: ({ durationMs }) => msText(durationMs), least: 8 },
  {
    title: "BYTES",
    cell: ({ bytesToEndpoint, bytesToClient }) => `${bytesText(bytesToEndpoint)}/${bytesText(bytesToClient)}`,
    least: 11,
  },
  { title: "WAY", cell: ({ path }, { siteName }) => wayText(path, siteName), wide: true, least: 4 },
  { title: "ATTEMPTS", cell: ({ attempts }) => String(attempts), wide: true, least: 8 },
  { title: "WHAT", cell: whatText, least: 4 },
  { title: "WHY", cell: ({ why }) => why || "-", wide: true, least: 4 },
];

const GAP = 3;

/** Lines of flows as they come: a column is as wide as the widest that was seen in it, from then on. */
export class FlowLines {
  readonly #columns: readonly FlowColumn[];
  readonly #options: FlowTextOptions;
  readonly #widths: number[];

  constructor(options: FlowTextOptions) {
    this.#columns = COLUMNS.filter((column) => options.wide || column.wide !== true);
    this.#options = options;
    this.#widths = this.#columns.map(({ title, least }) => Math.max(title.length, least));
  }

  /** Makes the columns as wide as these flows need. */
  measure(flows: readonly FlowView[]): void {
    for (const row of this.#rows(flows)) this.#widen(row);
  }

  text(flows: readonly FlowView[]): string {
    return this.#rows(flows)
      .map((row) => {
        this.#widen(row);
        return this.#line(row);
      })
      .join("");
  }

  heading(): string {
    return this.#line(this.#columns.map(({ title }) => title));
  }

  #rows(flows: readonly FlowView[]): string[][] {
    return flows.map((flow) => this.#columns.map(({ cell }) => cell(flow, this.#options)));
  }

  #widen(row: readonly string[]): void {
    row.forEach((text, index) => {
      this.#widths[index] = Math.max(this.#widths[index] ?? 0, visibleWidth(text));
    });
  }

  #line(cells: readonly string[]): string {
    const text = cells.map((cell, index) => padEnd(cell, (this.#widths[index] ?? 0) + GAP)).join("");
    return `${text.trimEnd()}\n`;
  }
}

/** `200`, `OK` of gRPC by its number, `reset` with the reason; `-` for a TCP connection that ended well. */
function statusText({ outcome, http, reason }: FlowView, { style }: FlowTextOptions): string {
  const status =
    http === undefined ? "" : http.grpcStatus === undefined ? String(http.status) : `grpc ${http.grpcStatus}`;
  if (outcome === "ok") return style.good(status || "ok");
  return style.bad([status, reason ?? ""].filter(Boolean).join(" ") || "error");
}

/** `GET shop.example/cart`, `tcp` */
function whatText({ protocol, http }: FlowView): string {
  return http === undefined ? protocol : `${http.method} ${http.host}${http.path}`;
}

/** Sites that it passed: `c1>c3>c2`; `local` when it stayed. */
function wayText(path: readonly string[], siteName: (id: string) => string): string {
  return path.length <= 1 ? "local" : path.map(siteName).join(">");
}
