import { IsthmusError } from "#core/errors.ts";
import type { Observer } from "#observe/observer.ts";
import type { ServicesView } from "#observe/views.ts";
import { openObserver, serviceKey } from "../observed.ts";
import { Live, sizeOf } from "../output/live.ts";
import { printValue } from "../output/objects.ts";
import { styleFor } from "../output/style.ts";
import { pause, UntilEnded } from "../output/until-ended.ts";
import type { Session } from "../session.ts";
import type { Sort } from "./sorts.ts";
import { type PodsView, podsViewText, servicesText } from "./top-text.ts";

export interface TopOptions {
  readonly once?: boolean;
  readonly sort: Sort;
  /** Of this one only. */
  readonly service?: string;
  readonly output?: "table" | "json" | "yaml";
}

/** How often a frame is drawn. */
const PERIOD_MS = 1000;
/** Rates of a single frame are of so long. */
const MEASURE_MS = 3000;
/** Of so many services `top pods` shows the pods. */
const MAX_SERVICES = 100;
/** Views of services that are made at the same time. */
const AT_ONCE = 20;

/**
 * Shows what the services or their pods do now, again and again on a terminal; with `once`, or as JSON or YAML, one time, over three
 * seconds. Throws NOT_FOUND for a service that is not there.
 */
export async function top(what: "services" | "pods", options: TopOptions, session: Session): Promise<void> {
  const { io, progress } = session;
  using ended = new UntilEnded();
  const observer = await openObserver(session);
  try {
    const service = options.service === undefined ? undefined : serviceKey(options.service, session);
    const look = async (): Promise<TopView> =>
      what === "pods"
        ? { pods: await podsView(observer, service) }
        : { services: servicesView(observer, { only: service, session }) };
    const structured = options.output === "json" || options.output === "yaml";
    if (options.once === true || structured) {
      progress.say("Measuring for 3 s");
      await pause(MEASURE_MS, ended.signal);
      progress.end();
      if (ended.signal.aborted) return;
      const view = await look();
      if (options.output === "json" || options.output === "yaml")
        printValue("pods" in view ? view.pods : view.services, options.output, io);
      else io.out(textOf(view, { options, session }));
      return;
    }
    using live = new Live(io);
    while (!ended.signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- one frame after the other
      live.frame(textOf(await look(), { options, session }));
      // oxlint-disable-next-line no-await-in-loop
      await pause(PERIOD_MS, ended.signal);
    }
  } finally {
    progress.end();
    observer.stop();
  }
}

type TopView = { readonly services: ServicesView } | { readonly pods: PodsView };

function textOf(view: TopView, { options, session }: { options: TopOptions; session: Session }): string {
  const { io } = session;
  const style = styleFor(io, "out");
  const width = io.outIsTerminal ? sizeOf(io).columns : Infinity;
  const how = { style, sort: options.sort, width };
  return "pods" in view ? podsViewText(view.pods, how) : servicesText(view.services, how);
}

function servicesView(
  observer: Observer,
  { only, session }: { only: string | undefined; session: Session },
): ServicesView {
  const view = observer.services();
  if (only === undefined) return view;
  const services = view.services.filter(({ service }) => service === only);
  if (services.length > 0) return { ...view, services };
  throw new IsthmusError("NOT_FOUND", `There is no service "${only}" in the network`, {
    hint: session.command("top"),
  });
}

/** Of one service, or of the busiest: what a policy wants of each is asked from a router. */
async function podsView(observer: Observer, only: string | undefined): Promise<PodsView> {
  const { atMs, services } = observer.services();
  const busiest = services.toSorted((a, b) => b.load.rps - a.load.rps).slice(0, MAX_SERVICES);
  const keys = only === undefined ? busiest.map(({ service }) => service) : [only];
  const pods: PodsView["pods"][number][] = [];
  for (let from = 0; from < keys.length; from += AT_ONCE) {
    const some = keys.slice(from, from + AT_ONCE);
    // oxlint-disable-next-line no-await-in-loop -- some at once, not all
    const views = await Promise.all(some.map((key) => observer.service(key)));
    for (const view of views)
      pods.push(...view.pods.map((pod) => ({ service: view.row.service, port: view.port, ...pod })));
  }
  return { atMs, pods, servicesLeftOut: only === undefined ? services.length - busiest.length : 0 };
}
