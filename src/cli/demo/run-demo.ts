import { IsthmusError } from "#core/errors.ts";
import { KubeClient } from "#kube/client.ts";
import { loadKubeconfig } from "#kube/kubeconfig.ts";
import { sandboxHome, sandboxKubeconfig } from "#sandbox/home.ts";
import { down, status } from "#sandbox/manage.ts";
import { programCommand } from "#sandbox/program.ts";
import type { Io } from "../io.ts";
import { SilentExit } from "../report-error.ts";
import { ClusterEye } from "./cluster-eye.ts";
import { Commands } from "./commands.ts";
import { forgetExampleFiles } from "./example-files.ts";
import { Interrupt } from "./interrupt.ts";
import { Narrator } from "./narrator.ts";
import { Ownership } from "./ownership.ts";
import { CLUSTERS, contextOf } from "./places.ts";
import { isOk, jsonScenario } from "./report.ts";
import { playScenarios } from "./play.ts";
import { isthmus, setUp, showService } from "./setup.ts";
import { farewell, summary } from "./words.ts";
import { WithoutKubectl } from "./without-kubectl.ts";

export interface DemoOptions {
  readonly scenario: "1" | "2" | "3" | "4" | "all";
  readonly exit: boolean;
  readonly keepAlive: boolean;
  readonly output?: "json";
}

/**
 * Runs the demo. Takes down what it started when interrupted (exit code 130), and at the end with `exit`, also when
 * something fails. Exit code 1 when an expectation does not hold.
 */
export async function runDemo(options: DemoOptions, io: Io): Promise<void> {
  const json = options.output === "json";
  const narrator = new Narrator(io, json ? "err" : "out");
  const ownership = new Ownership(sandboxHome());
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
    narrator.heading("Three Kubernetes clusters on this machine, without containers");
    started = true;
    await commands.run(isthmus("sandbox", "up", ...CLUSTERS));
    ownership.record(await status());
    narrator.command("export KUBECONFIG=$(isthmus sandbox kubeconfig)");
    if (kubectl === undefined) {
      narrator.gap();
      narrator.say("There is no kubectl here, so the demo does itself what the kubectl commands below say.");
    }
    const eye = new ClusterEye(clients(), signal);
    const without = new WithoutKubectl(eye);
    await setUp({ commands, narrator, without });
    const target = await eye.target();
    await showService({ commands, narrator, without });
    const played = await playScenarios({ ...options, commands, narrator, eye, without, target, signal });
    if (json)
      io.out(`${JSON.stringify({ scenarios: inOrder(played.results.map(jsonScenario)) }, undefined, 2)}\n`);
    narrator.block(summary(played, narrator.style));
    if (!options.exit) narrator.block(farewell(narrator.style));
    if (!played.results.every(isOk)) throw new SilentExit(1);
  } catch (error) {
    // Whatever broke because of it, the interruption is what happened.
    throw signal.aborted ? signal.reason : error;
  } finally {
    if (started && (options.exit || signal.aborted)) await takeDown({ ownership, narrator });
  }
}

function clients(): Map<(typeof CLUSTERS)[number], KubeClient> {
  const path = sandboxKubeconfig();
  return new Map(
    CLUSTERS.map(
      (name) => [name, new KubeClient(loadKubeconfig({ path, context: contextOf(name) }))] as const,
    ),
  );
}

async function takeDown({
  ownership,
  narrator,
}: {
  ownership: Ownership;
  narrator: Narrator;
}): Promise<void> {
  narrator.gap();
  narrator.command(`isthmus sandbox down ${CLUSTERS.join(" ")}`);
  try {
    const present = (await status()).map(({ name }) => name);
    const own = CLUSTERS.filter((name) => present.includes(name));
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

/** The four scenarios first, then the variants of them, so that a program finds the n-th where it looks for it. */
function inOrder<T extends { readonly name: string }>(scenarios: readonly T[]): T[] {
  const variant = (one: T): number => (/^\d:/.test(one.name) ? 0 : 1);
  return scenarios.toSorted((a, b) => variant(a) - variant(b));
}
