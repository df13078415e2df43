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
}

/** What a story is played on: clusters that run, and the means to tell and to do. */
export interface Stage<Cluster extends string> {
  readonly commands: Commands;
  readonly narrator: Narrator;
  readonly clients: ReadonlyMap<Cluster, KubeClient>;
  readonly signal: AbortSignal;
}

/**
 * Starts the clusters, plays, and gives what the play gives. Takes down what it started when interrupted (exit code
 * 130), and at the end with `exit`, also when something fails. Clusters of an earlier performance are taken over and
 * started afresh; CONFLICT when somebody else has clusters of these names.
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
    return await play({ commands, narrator, clients: clientsOf(clusters), signal });
  } catch (error) {
    // Whatever broke because of it, the interruption is what happened.
    throw signal.aborted ? signal.reason : error;
  } finally {
    if (started && (exit || signal.aborted)) await takeDown({ clusters, ownership, narrator });
  }
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
