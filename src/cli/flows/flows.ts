import type { Observer } from "#observe/observer.ts";
import type { FlowFilter, FlowsView, FlowView } from "#observe/views.ts";
import { openObserver, serviceKey } from "../observed.ts";
import { printValue } from "../output/objects.ts";
import { styleFor } from "../output/style.ts";
import { pause, UntilEnded } from "../output/until-ended.ts";
import type { Session } from "../session.ts";
import { FlowLines } from "./flow-text.ts";

export interface FlowsOptions {
  readonly service?: string;
  readonly follow?: boolean;
  readonly source?: string;
  readonly destination?: string;
  readonly pod?: string;
  readonly client?: string;
  readonly protocol?: FlowFilter["protocol"];
  readonly failed?: boolean;
  readonly status?: string;
  readonly method?: string;
  readonly path?: string;
  readonly minDuration?: number;
  readonly limit?: number;
  readonly output?: "table" | "wide" | "json" | "yaml";
}

/** Other sites are heard of by the second round, and asked by the third. */
const GATHER_MS = 2500;

/**
 * Shows the flows that the routers still hold; with `follow` what ends from then on, until it is ended itself. As JSON a FlowsView, or
 * with `follow` a FlowView a line.
 */
export async function flows(options: FlowsOptions, session: Session): Promise<void> {
  const { progress } = session;
  using ended = new UntilEnded();
  const observer = await openObserver(session);
  try {
    progress.say("Gathering flows");
    await pause(GATHER_MS, ended.signal);
    progress.end();
    const filter = filterOf(options, session);
    const { output } = options;
    const lines = new FlowLines({
      wide: output === "wide",
      style: styleFor(session.io, "out"),
      siteName: (id) => observer.network().sites.find((site) => site.id === id)?.name ?? id,
    });
    const input = { filter, output, session, lines };
    if (options.follow === true) await follow(observer, { ...input, signal: ended.signal });
    else if (!ended.signal.aborted) print(observer.flows(filter), input);
  } finally {
    progress.end();
    observer.stop();
  }
}

interface Shown {
  readonly filter: FlowFilter;
  readonly output: FlowsOptions["output"];
  readonly session: Session;
  readonly lines: FlowLines;
}

function print(view: FlowsView, { filter, output, session, lines }: Shown): void {
  const { io } = session;
  if (output === "json" || output === "yaml") {
    printValue(view, output, io);
    return;
  }
  if (view.flows.length === 0) {
    io.err(
      `No flows${hasFilter(filter) ? " of that kind" : ""} that the routers still hold.\nhint: as they come: ${session.command("flows --follow")}\n`,
    );
    return;
  }
  // The widths first, so that the heading has them; the newest last, next to the prompt.
  const found = view.flows.toReversed();
  lines.measure(found);
  io.out(lines.heading() + lines.text(found));
  const { unsampled, lost } = view;
  if (unsampled + lost > 0)
    io.err(`Of the last minute ${unsampled} were not recorded (sampling) and ${lost} were lost.\n`);
}

async function follow(
  observer: Observer,
  { filter, output, session, lines, signal }: Shown & { readonly signal: AbortSignal },
): Promise<void> {
  const { io } = session;
  const json = output === "json" || output === "yaml";
  if (!json) io.out(lines.heading());
  const show = (found: readonly FlowView[]): void => {
    if (json) for (const flow of found) io.out(`${JSON.stringify(flow)}\n`);
    else if (found.length > 0) io.out(lines.text(found));
  };
  let lost = 0;
  const unsubscribe = observer.subscribe({ view: "flows", filter }, ({ event, data }) => {
    const view = data as FlowsView;
    // The first is what was there before; then comes what is new, the oldest first.
    if (event === "flows") show(view.flows);
    if (view.lost > lost)
      io.err(`${view.lost} flows of the last minute were lost before they were fetched.\n`);
    lost = view.lost;
  });
  try {
    while (!signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- lines come by themselves
      await pause(60_000, signal);
    }
  } finally {
    unsubscribe();
  }
}

function filterOf(options: FlowsOptions, session: Session): FlowFilter {
  const { service, source, destination, pod, client, protocol, failed, status, method, path } = options;
  const { minDuration, limit } = options;
  const given = {
    service: service === undefined ? undefined : serviceKey(service, session),
    source,
    destination,
    endpoint: pod,
    client,
    protocol,
    outcome: failed === true ? "error" : undefined,
    status,
    method: method?.toUpperCase(),
    path,
    minDurationMs: minDuration,
    limit,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** Whether not all flows are asked for. */
function hasFilter(filter: FlowFilter): boolean {
  return Object.keys(filter).some((key) => key !== "limit");
}
