import { IsthmusError } from "#core/errors.ts";
import { KubeClient } from "#kube/client.ts";
import { loadKubeconfig } from "#kube/kubeconfig.ts";
import { sandboxHome, sandboxKubeconfig } from "#sandbox/home.ts";
import { down, status } from "#sandbox/manage.ts";
import { programCommand } from "#sandbox/program.ts";
import type { Io } from "../io.ts";
import { SilentExit } from "../report-error.ts";
import { Commands } from "./commands.ts";
import { forgetExampleFiles } from "./example-files.ts";
import { Interrupt } from "./interrupt.ts";
import { Life } from "./life.ts";
import { Narrator } from "./narrator.ts";
import { Ownership } from "./ownership.ts";
import { contextOf } from "./places.ts";
import { isthmus } from "./setup.ts";

export interface PerformanceOptions<Cluster extends string> {
  readonly clusters: readonly Cluster[];
  /** Name of the record of the clusters that are the demo's own. */
  readonly record: string;
  /** First words to the reader. */
  readonly heading: string;
  /** Takes everything down at the end, also on failure. */
  readonly exit: boolean;
  /** The story goes to standard error, since standard output is for the results. */
  readonly json: boolean;
  /** Where a console stands that shows the story; without it, and with `json`, there is none. */
  readonly console?: { readonly home: Cluster; readonly namespace: string } | undefined;
}

/** What a story is played on: clusters that run, and the means to tell and to do. */
export interface Stage<Cluster extends string> {
  readonly commands: Commands;
  readonly narrator: Narrator;
  readonly clients: ReadonlyMap<Cluster, KubeClient>;
  readonly signal: AbortSignal;
  readonly life: Life<Cluster>;
}

/**
 * Starts the clusters, plays, and gives what the play gives. Takes down what it started when interrupted (exit code
 * 130), and at the end with `exit`, also when something fails. On a terminal, without `exit`, the console stays open at
 * the end until it is interrupted. Clusters of an earlier performance are taken over and started afresh; CONFLICT when
 * somebody else has clusters of these names.
 */
export async function perform<Cluster extends string, T>(
  options: PerformanceOptions<Cluster>,
  io: Io,
  play: (stage: Stage<Cluster>) => Promise<T>,
): Promise<T> {
  const { clusters, exit } = options;
  const narrator = new Narrator(io, options.json ? "err" : "out");
  const ownership = new Ownership(sandboxHome(), options);
  using interrupt = new Interrupt(() =>
    io.err("\nerror: Interrupted before all was taken down\nhint: isthmus sandbox down\n"),
  );
  const { signal } = interrupt;
  const left = ownership.claim(await status());
  if (left.length > 0) {
    narrator.say(`Taking down the clusters of an earlier demo: ${left.join(", ")}`);
    await down(left);
  }
  let started = false;
  let life: Life<Cluster> | undefined;
  try {
    const kubectl = Bun.which("kubectl") ?? undefined;
    const env = { ...process.env, KUBECONFIG: sandboxKubeconfig() };
    const commands = new Commands({ narrator, isthmus: programCommand(), kubectl, env, signal });
    narrator.heading(options.heading);
    started = true;
    await commands.run(isthmus("sandbox", "up", ...clusters));
    ownership.record(await status());
    narrator.command("export KUBECONFIG=$(isthmus sandbox kubeconfig)");
    if (kubectl === undefined) {
      narrator.gap();
      narrator.say("There is no kubectl here, so the demo does itself what the kubectl commands below say.");
    }
    const clients = clientsOf(clusters);
    const { home = clusters[0], namespace = "default" } = options.console ?? {};
    if (home === undefined) throw new IsthmusError("INTERNAL", "A performance without clusters");
    life = new Life({ clients, home, namespace, signal });
    if (options.console !== undefined && !options.json) await life.open(narrator);
    const result = await play({ commands, narrator, clients, signal, life });
    if (life.url !== undefined && !exit && io.outIsTerminal) await stay(life.url, { narrator, signal });
    return result;
  } catch (error) {
    // Whatever broke because of it, the interruption is what happened.
    throw signal.aborted ? signal.reason : error;
  } finally {
    await life?.end();
    if (started && (exit || signal.aborted)) await takeDown({ clusters, ownership, narrator });
  }
}

/** The story is over, and somebody may want to look on. Throws the signal's reason when he has seen enough. */
async function stay(url: string, stage: { narrator: Narrator; signal: AbortSignal }): Promise<void> {
  const { narrator, signal } = stage;
  narrator.gap();
  narrator.say(`The console stays at ${narrator.style.bold(url)}, with a few requests/s from each cluster.`);
  narrator.say("Ctrl-C ends it and takes the clusters down; with --no-console they stay.");
  if (!signal.aborted) {
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
  signal.throwIfAborted();
}

/** Ends the performance as one whose promises did not all hold. */
export function endUnlessOk(ok: boolean): void {
  if (!ok) throw new SilentExit(1);
}

function clientsOf<Cluster extends string>(clusters: readonly Cluster[]): Map<Cluster, KubeClient> {
  const path = sandboxKubeconfig();
  return new Map(
    clusters.map(
      (name) => [name, new KubeClient(loadKubeconfig({ path, context: contextOf(name) }))] as const,
    ),
  );
}

async function takeDown(input: {
  clusters: readonly string[];
  ownership: Ownership;
  narrator: Narrator;
}): Promise<void> {
  const { clusters, ownership, narrator } = input;
  narrator.gap();
  narrator.command(`isthmus sandbox down ${clusters.join(" ")}`);
  try {
    const present = (await status()).map(({ name }) => name);
    const own = clusters.filter((name) => present.includes(name));
    if (own.length > 0) await narrator.during("sandbox down", down(own));
    for (const name of own) narrator.output(`Cluster "${name}" is gone`);
    ownership.forget();
    forgetExampleFiles();
  } catch (cause) {
    throw new IsthmusError("FAILED", "Could not take everything down", {
      cause,
      hint: "isthmus sandbox down",
    });
  }
}
