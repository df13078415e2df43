/**
 * How soon a new pod is used from another cluster: 50 times one pod more in c2, each timed from the moment its Ready
 * condition is seen by a watch on c2's API to its first answer at the imported Service in c1.
 */
import type { Deployment, Pod, Service } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { Interrupt } from "#cli/demo/interrupt.ts";
import { firstAnswer } from "#cli/demo/measure.ts";
import type { Target } from "#cli/demo/http-client.ts";
import { Informer } from "#controller/informer.ts";
import { KubeClient } from "#kube/client.ts";
import { loadKubeconfig } from "#kube/kubeconfig.ts";
import { Playground } from "../test/e2e/lib/playground.ts";
import { percentile, round } from "./lib/stats.ts";

const SCALE_UPS = 50;
/** What the 99th percentile has to stay below, ms. */
const P99_BAR_MS = 250;
const WAIT_MS = 30_000;
const APP = { namespace: "default", name: "web" };
const PORT = 8080;

export interface ScaleUpFigures {
  readonly scaleUps: number;
  /** Pods that did not answer within 10 s; the percentiles are of the others. */
  readonly failed: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly p99BarMs: number;
  readonly ok: boolean;
  /** Each, in the order of the scale-ups. */
  readonly timesMs: readonly number[];
}

/** Takes everything down again, also when it fails or is interrupted; then it throws what ended it. */
export async function measureScaleUps(progress: (text: string) => void): Promise<ScaleUpFigures> {
  using interrupt = new Interrupt(() => progress("Interrupted before all was taken down"));
  const { signal } = interrupt;
  await using playground = new Playground();
  try {
    progress("two clusters, linked; an app in c2 that c1 imports");
    const { c1, c2 } = await setUp(playground, signal);
    using pods = await PodWatch.start(c2);
    const target = await importedService(c1, signal);
    const times: number[] = [];
    for (let turn = 1; turn <= SCALE_UPS; turn++) {
      const ms = await scaleUp({ c2, pods, target, signal });
      signal.throwIfAborted();
      if (ms !== undefined) times.push(ms);
      if (turn % 10 === 0) progress(`${turn} of ${SCALE_UPS} scale-ups`);
    }
    return figuresOf(times);
  } catch (error) {
    // Whatever broke because of it, the interruption is what happened.
    throw signal.aborted ? signal.reason : error;
  }
}

export function scaleUpReport(figures: ScaleUpFigures): string {
  const { scaleUps, failed, p50Ms, p95Ms, p99Ms, maxMs, p99BarMs, ok } = figures;
  return [
    `pod ready -> first answer of it from another cluster, ${scaleUps} scale-ups, ${failed} failed`,
    "",
    `p50 ${p50Ms} ms   p95 ${p95Ms} ms   p99 ${p99Ms} ms   max ${maxMs} ms`,
    `bar: p99 < ${p99BarMs} ms: ${ok ? "held" : "missed"}`,
    "",
  ].join("\n");
}

function figuresOf(times: readonly number[]): ScaleUpFigures {
  const failed = SCALE_UPS - times.length;
  const p99Ms = round(percentile(times, 99));
  return {
    scaleUps: SCALE_UPS,
    failed,
    p50Ms: round(percentile(times, 50)),
    p95Ms: round(percentile(times, 95)),
    p99Ms,
    maxMs: round(percentile(times, 100)),
    p99BarMs: P99_BAR_MS,
    ok: failed === 0 && p99Ms < P99_BAR_MS,
    timesMs: times.map(round),
  };
}

async function setUp(
  playground: Playground,
  signal: AbortSignal,
): Promise<{ c1: KubeClient; c2: KubeClient }> {
  const must = (...words: string[]): Promise<string> => {
    signal.throwIfAborted();
    return playground.must(...words);
  };
  const [inC1, inC2] = [
    ["--context", "sandbox-c1"],
    ["--context", "sandbox-c2"],
  ];
  await must("sandbox", "up", "c1", "c2");
  const path = (await must("sandbox", "kubeconfig")).trim();
  const clientOf = (context: string): KubeClient => new KubeClient(loadKubeconfig({ path, context }));
  const [c1, c2] = [clientOf("sandbox-c1"), clientOf("sandbox-c2")];
  await Promise.all([must(...inC1, "init"), must(...inC2, "init")]);
  const token = playground.file("c2.yaml");
  await must(...inC1, "token", "create", token);
  await must(...inC2, "link", "create", token);
  await c2.create<Deployment>(RESOURCES.deployments, deployment());
  await must(...inC2, "expose", `deployment/${APP.name}`, "--port", String(PORT));
  return { c1, c2 };
}

function deployment(): Deployment {
  const labels = { app: APP.name };
  const container = {
    name: "web",
    image: "isthmus/echo:1",
    ports: [{ containerPort: PORT }],
    // Ready has to mean that it answers, or the start of the app would be measured too.
    readinessProbe: { httpGet: { path: "/", port: PORT }, periodSeconds: 1 },
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { ...APP, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  };
}

/** Where c1 reaches the app, once it answers there. */
async function importedService(c1: KubeClient, signal: AbortSignal): Promise<Target> {
  const target = await until("the imported Service", signal, async () => {
    const service = await c1.find<Service>(RESOURCES.services, APP);
    const host = service?.spec.clusterIP ?? "";
    return host === "" ? undefined : { host, port: PORT };
  });
  const answered = await firstAnswer({ target, isNew: () => true, signal });
  signal.throwIfAborted();
  if (answered === undefined) throw new Error("No answer from the imported Service");
  return target;
}

/** One pod becomes two, then one again. From ready to its first answer in ms; undefined when it gave none. */
async function scaleUp(input: {
  readonly c2: KubeClient;
  readonly pods: PodWatch;
  readonly target: Target;
  readonly signal: AbortSignal;
}): Promise<number | undefined> {
  const { c2, pods, target, signal } = input;
  await until("one pod alone", signal, async () => (pods.names().length === 1 ? true : undefined));
  const before = new Set(pods.names());
  const isNew = (pod: string): boolean => !before.has(pod);
  await scale(c2, 2);
  const [readyMs, firstMs] = await Promise.all([
    until("a second pod that is ready", signal, async () => pods.readySince(isNew)),
    firstAnswer({ target, isNew, signal }),
  ]);
  await scale(c2, 1);
  return firstMs === undefined ? undefined : Math.max(0, firstMs - readyMs);
}

async function scale(client: KubeClient, replicas: number): Promise<void> {
  await client.patch<Deployment>(RESOURCES.deployments, {
    ...APP,
    type: "merge",
    body: { spec: { replicas } },
  });
}

/** Follows the pods of the app, and notes when each was first seen ready, monotonic ms. */
class PodWatch implements Disposable {
  readonly #informer: Informer<Pod>;
  readonly #readyMs = new Map<string, number>();

  private constructor(informer: Informer<Pod>) {
    this.#informer = informer;
    informer.onChange(({ name }, { after }) => {
      if (after === undefined) this.#readyMs.delete(name);
      const ready = after?.status?.conditions?.some(
        ({ type, status }) => type === "Ready" && status === "True",
      );
      if (ready === true && !this.#readyMs.has(name)) this.#readyMs.set(name, performance.now());
    });
  }

  static async start(client: KubeClient): Promise<PodWatch> {
    const informer = new Informer<Pod>({
      client,
      def: RESOURCES.pods,
      namespace: APP.namespace,
      labelSelector: `app=${APP.name}`,
    });
    const watch = new PodWatch(informer);
    informer.start();
    await informer.synced();
    return watch;
  }

  names(): string[] {
    return this.#informer.list().map(({ metadata }) => metadata.name);
  }

  readySince(chosen: (pod: string) => boolean): number | undefined {
    return [...this.#readyMs].find(([pod]) => chosen(pod))?.[1];
  }

  [Symbol.dispose](): void {
    void this.#informer.stop();
  }
}

async function until<T>(what: string, signal: AbortSignal, look: () => Promise<T | undefined>): Promise<T> {
  const endMs = performance.now() + WAIT_MS;
  for (;;) {
    signal.throwIfAborted();
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > endMs) throw new Error(`Waited ${WAIT_MS / 1000} s for ${what}`);
    await Bun.sleep(20);
  }
}
