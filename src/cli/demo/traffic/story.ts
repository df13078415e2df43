import type { Commands } from "../commands.ts";
import type { Target } from "../http-client.ts";
import type { Life } from "../life.ts";
import type { Narrator } from "../narrator.ts";
import { until } from "../until.ts";
import type { WithoutKubectl } from "../without-kubectl.ts";
import { type Acts, Unexpected } from "../act.ts";
import type { ClusterView } from "./cluster-view.ts";
import { outage, type Outage, rampText } from "./outage.ts";
import { buildNetwork, exportApp } from "./network.ts";
import { APP, EXPORTERS, HOME, type Member, MEMBERS, type TrafficCluster } from "./places.ts";
import { ask, countsText, curl, expectEqual, inSequence } from "./requests.ts";
import { settle } from "./settle.ts";
import { applyExample, isthmusIn, place } from "./steps.ts";

export interface StoryInput {
  readonly commands: Commands;
  readonly narrator: Narrator;
  readonly without: WithoutKubectl<TrafficCluster>;
  readonly view: ClusterView;
  readonly signal: AbortSignal;
  /** What is asked beside the story are services that it does not count. */
  readonly life: Life<TrafficCluster>;
}

/** Requests of one count: divisible by two and by three clusters. */
const REQUESTS = 300;
const SETTLE_MS = 10_000;

/** The article's story in its order, and then what an operator asks next: pods that die, the way back, a drain. */
export async function playStory(input: StoryInput, acts: Acts): Promise<void> {
  const { commands, narrator, without, view } = input;
  const run = (...words: string[]): Promise<string> => commands.run(isthmusIn(HOME, ...words));

  await acts.play("Four clusters, one network", () => buildNetwork(input));
  await acts.play(`What is exported is imported in ${HOME} by itself`, async () => {
    await exportApp(input);
    const names = [APP, ...EXPORTERS.map((cluster) => `${APP}-${cluster}`)];
    await narrator.during("imports", view.imports(names));
    input.life.keepAsking([
      { cluster: HOME, service: `${APP}-cluster-1` },
      { cluster: "cluster-1", service: `${APP}-cluster-3` },
      { cluster: "cluster-3", service: `${APP}-cluster-1` },
    ]);
    narrator.gap();
    await commands.run({
      program: "kubectl",
      words: ["get", "serviceimports", ...place(HOME)],
      instead: () => Promise.resolve(names.join("\n")),
    });
    return `${HOME} imports ${names.join(", ")}`;
  });
  await acts.play("Exported services answer from outside, by path", () => fromOutside(input));
  await acts.play("Mode Local: other clusters are not used", () => refused(input));
  await acts.play("Mode Failover without pods here: both other clusters serve", async () => {
    await commands.run(applyExample(HOME, { name: "global-traffic/failover.yaml", without }));
    await narrator.during("policy", view.policyInForce());
    return serve(input, EXPORTERS);
  });
  await acts.play("Mode Failover with pods here: only they serve", async () => {
    await commands.run(applyExample(HOME, { name: "global-traffic/httpbin.yaml", without }));
    await narrator.during("pods", view.podsReady(HOME, 1));
    await narrator.during("service", view.leadsToRouters());
    await settle(input, [HOME]);
    return serve(input, [HOME]);
  });
  await acts.play("Mode ActiveActive: all three serve", async () => {
    await commands.run(applyExample(HOME, { name: "global-traffic/active-active.yaml", without }));
    await narrator.during("policy", view.policyInForce());
    return serve(input, MEMBERS);
  });
  let seen: Outage | undefined;
  await acts.play("The pods here die under load: no request fails", async () => {
    seen = await outage(input);
    return `${seen.requests} requests, ${seen.failed} failed`;
  });
  await acts.play("Their successors get the traffic little by little", () => {
    if (seen === undefined) throw new Unexpected("not seen, since the step before failed");
    return Promise.resolve(rampText(seen));
  });
  await acts.play("Weight 0: cluster-1 drains", async () => {
    const drained = ["--target", "cluster-1=0", "--target", "cluster-3"];
    await run("policy", "set", APP, "--mode", "ActiveActive", ...drained);
    const said = await serve(input, ["cluster-2", "cluster-3"]);
    narrator.gap();
    narrator.say("And why is it so?");
    await run("explain", APP);
    return said;
  });
}

async function fromOutside({ narrator, view, signal }: StoryInput): Promise<string> {
  const paths: string[] = [];
  for (const cluster of EXPORTERS) {
    // oxlint-disable-next-line no-await-in-loop -- told in order
    const entry = await view.address(cluster, "entry");
    for (const [name, path] of [
      [APP, `/${cluster}/httpbin-mesh`],
      [`${APP}-${cluster}`, `/${cluster}/httpbin-mesh-${cluster}`],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop -- the route may be a moment behind the export
      await until(`"${name}" to answer on the entry port of ${cluster}`, {
        look: async () => ((await ask(entry, path)).status === 200 ? true : undefined),
        hint: `kubectl describe serviceexport ${name} ${place(cluster).join(" ")}`,
        timeoutMs: SETTLE_MS,
        signal,
      });
      const url = urlOf(entry, path);
      paths.push(path);
      // oxlint-disable-next-line no-await-in-loop
      const { body } = await curl(url, narrator);
      if (body !== greeting(cluster)) throw new Unexpected(`${url} answered ${JSON.stringify(body)}`);
    }
    const prefix = `/${cluster}/httpbin-mesh`;
    // oxlint-disable-next-line no-await-in-loop
    const { body } = await ask(entry, `${prefix}/headers`);
    if (!body.includes('"path":"/headers"')) {
      throw new Unexpected(`The prefix ${prefix} was not stripped: the pod saw ${body.slice(0, 200)}`);
    }
  }
  return `${paths.join(", ")}: each from its own cluster, prefix stripped`;
}

async function refused({ commands, narrator, view, signal }: StoryInput): Promise<string> {
  narrator.say(
    "Without any policy Isthmus fails over. In the article, clusters do not help each other at first;",
  );
  narrator.say("to begin where it begins:");
  await commands.run(isthmusIn(HOME, "policy", "set", APP, "--mode", "Local"));
  const target = await view.service();
  const endMs = performance.now() + SETTLE_MS;
  while ((await ask(target, "/")).error !== REFUSED && performance.now() < endMs) {
    // oxlint-disable-next-line no-await-in-loop
    await Bun.sleep(50);
    signal.throwIfAborted();
  }
  const answer = await curl(urlOf(target, "/"), narrator);
  if (answer.error !== REFUSED) {
    throw new Unexpected(`expected that the client is refused, got ${answer.error ?? answer.body.trim()}`);
  }
  return REFUSED;
}

const REFUSED = "connection refused";

/** Two requests as one would type them, then a count that is exact. */
async function serve(input: StoryInput, clusters: readonly Member[]): Promise<string> {
  const { narrator, view, signal } = input;
  const target = await view.service();
  for (const _ of clusters) {
    // oxlint-disable-next-line no-await-in-loop -- one request after the other
    await curl(urlOf(target, "/"), narrator);
  }
  narrator.gap();
  narrator.say(`${REQUESTS} requests on one kept connection:`);
  const counted = await narrator.during("requests", inSequence({ target, view, signal }, REQUESTS));
  narrator.say(countsText(counted.counts));
  expectEqual(counted, clusters);
  return `${REQUESTS} requests on one connection: ${countsText(counted.counts)}`;
}

function urlOf({ host, port }: Target, path: string): string {
  return `http://${host}:${port}${path}`;
}

function greeting(cluster: Member): string {
  return `Hi, I am from ${cluster}!\n`;
}
