import { RECONCILE_BOUNDS_S } from "#controller/reconcile-counts.ts";
import { VERSION } from "#core/version.ts";
import type { ControllerStats } from "./controller-admin.ts";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** Requests to the API server, by verb and class of their answer. */
export class RequestCounts {
  readonly #counts = new Map<string, Map<string, number>>();

  /** Bound, to be given away. */
  readonly count = (verb: string, status: number | undefined): void => {
    const codes = this.#counts.get(verb) ?? new Map<string, number>();
    this.#counts.set(verb, codes);
    // A request without an answer has no code.
    const code = status === undefined ? "none" : `${Math.floor(status / 100)}xx`;
    codes.set(code, (codes.get(code) ?? 0) + 1);
  };

  samples(): Sample[] {
    return [...this.#counts].flatMap(([verb, codes]) =>
      [...codes].map(([code_class, count]): Sample => [{ verb, code_class }, count]),
    );
  }
}

/**
 * The controller's counters as Prometheus text (format 0.0.4), made when it is asked for. Every label has a fixed set of values: kinds,
 * verbs, results.
 */
export function controllerMetrics(
  { synced, leading, routers, generation, loops, caches }: ControllerStats,
  requests: RequestCounts,
): string {
  const perLoop = (value: (loop: ControllerStats["loops"][number]) => number): Sample[] =>
    loops.map((loop) => [{ controller: loop.name }, value(loop)]);
  const perCache = (value: (cache: ControllerStats["caches"][number]) => number): Sample[] =>
    caches.map((cache) => [{ resource: cache.resource }, value(cache)]);
  const cpu = process.cpuUsage();
  return [
    family("gauge", "isthmus_build_info", {
      help: "1, with the version",
      samples: [[{ version: VERSION, component: "controller" }, 1]],
    }),
    counter("reconcile_total", "Reconciles that ended, by result", [
      ...perLoop((loop) => loop.succeeded).map(withLabel("result", "success")),
      ...perLoop((loop) => loop.failed - loop.conflicts).map(withLabel("result", "error")),
      ...perLoop((loop) => loop.conflicts).map(withLabel("result", "conflict")),
      ...perLoop((loop) => loop.timedOut).map(withLabel("result", "timeout")),
    ]),
    histogram(loops),
    gauge(
      "reconciles_active",
      "Reconciles that run now",
      perLoop((loop) => loop.active),
    ),
    gauge(
      "workqueue_depth",
      "Names that wait for their turn",
      perLoop((loop) => loop.depth),
    ),
    gauge(
      "workqueue_delayed",
      "Names that wait for a time, after a failure or to be looked at again",
      perLoop((loop) => loop.delayed),
    ),
    gauge("leader", "1 at the replica that writes", [[{}, leading ? 1 : 0]]),
    gauge("synced", "1 once all that is watched was read", [[{}, synced ? 1 : 0]]),
    gauge("routers_connected", "Routers on the control channel", [[{}, routers]]),
    gauge("config_generation", "Generation of the routers' configuration", [[{}, generation]]),
    counter(
      "api_requests_total",
      "Requests to the API server, by verb and class of the answer",
      requests.samples(),
    ),
    gauge(
      "cache_objects",
      "Objects that are known",
      perCache((cache) => cache.objects),
    ),
    gauge(
      "cache_stale",
      "1 while the API server cannot be followed",
      perCache((cache) => (cache.stale ? 1 : 0)),
    ),
    counter(
      "lists_total",
      "Lists that were asked for",
      perCache((cache) => cache.lists),
    ),
    counter(
      "watches_total",
      "Watches that were begun; the first one, and each restart",
      perCache((cache) => cache.watches),
    ),
    counter(
      "watch_events_total",
      "Events of watches",
      perCache((cache) => cache.events),
    ),
    counter(
      "watch_failures_total",
      "Lists and watches that failed",
      perCache((cache) => cache.failures),
    ),
    counter(
      "lists_held_total",
      "Lists so small that they had to be confirmed",
      perCache((cache) => cache.held),
    ),
    family("gauge", "process_resident_memory_bytes", {
      help: "Resident memory",
      samples: [[{}, process.memoryUsage.rss()]],
    }),
    family("counter", "process_cpu_seconds_total", {
      help: "User and system time",
      samples: [[{}, (cpu.user + cpu.system) / 1e6]],
    }),
  ].join("");
}

const PREFIX = "isthmus_controller_";

function counter(name: string, help: string, samples: readonly Sample[]): string {
  return family("counter", `${PREFIX}${name}`, { help, samples });
}

function gauge(name: string, help: string, samples: readonly Sample[]): string {
  return family("gauge", `${PREFIX}${name}`, { help, samples });
}

function histogram(loops: ControllerStats["loops"]): string {
  const name = `${PREFIX}reconcile_duration_seconds`;
  const lines = loops.flatMap((loop) => {
    let total = 0;
    const buckets = loop.durations.map((count, at) => {
      total += count;
      return sample(
        `${name}_bucket`,
        { controller: loop.name, le: String(RECONCILE_BOUNDS_S[at] ?? "+Inf") },
        total,
      );
    });
    const labels = { controller: loop.name };
    return [
      ...buckets,
      sample(`${name}_sum`, labels, loop.durationSumMs / 1000),
      sample(`${name}_count`, labels, total),
    ];
  });
  return `# HELP ${name} How long a reconcile took\n# TYPE ${name} histogram\n${lines.join("")}`;
}

function family(
  type: "counter" | "gauge",
  name: string,
  { help, samples }: { readonly help: string; readonly samples: readonly Sample[] },
): string {
  const lines = samples.map(([labels, value]) => sample(name, labels, value));
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function sample(name: string, labels: Labels, value: number): string {
  const words = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
  return `${name}${words.length === 0 ? "" : `{${words.join(",")}}`} ${value}\n`;
}

function withLabel(label: string, text: string): (sample: Sample) => Sample {
  return ([labels, value]) => [{ ...labels, [label]: text }, value];
}
