import type { Commands } from "../commands.ts";
import type { Narrator } from "../narrator.ts";
import { isthmus } from "../setup.ts";
import { type Acts, Unexpected } from "../act.ts";
import { type ClientPod, countsText, expectOnly } from "./client-pod.ts";
import { apply, buildNetwork, type Clusters, installDns, kubectl, place } from "./clusters.ts";
import { APP, CLUSTERS, type DiscoveryCluster, HOME, nameOf, OTHER, PORT, WEB } from "./places.ts";

export interface StoryInput {
  readonly commands: Commands;
  readonly narrator: Narrator;
  readonly clusters: Clusters;
  readonly client: ClientPod;
}

const REQUESTS = 20;
const NAME = nameOf(APP);
const WEB_NAME = nameOf(WEB);
const WEB_PODS = 2;

/** The article's story in its order, and then pods by name, and a cluster that is cut off. */
export async function playStory(input: StoryInput, acts: Acts): Promise<void> {
  const { commands, narrator, clusters, client } = input;

  await acts.play("Two clusters, one network", async () => {
    await buildNetwork(commands);
    return `${OTHER} is linked to ${HOME}`;
  });
  await acts.play("A DNS server in each, which the cluster's own DNS asks for clusterset.local", async () => {
    await installDns(commands);
    return `CoreDNS of ${CLUSTERS.join(" and ")} sends clusterset.local to isthmus-dns`;
  });
  await acts.play("The app runs in both clusters, and both export it", async () => {
    await commands.runAll(CLUSTERS.map((cluster) => apply(cluster, "clusterset/nginx.yaml")));
    await commands.run(apply(HOME, "clusterset/client.yaml"));
    const ready = CLUSTERS.map((cluster) => clusters.podsReady(cluster, { app: APP, count: 1 }));
    await narrator.during(
      "pods",
      Promise.all([clusters.podsReady(HOME, { app: "client", count: 1 }), ...ready]),
    );
    await commands.runAll(CLUSTERS.map((cluster) => apply(cluster, "clusterset/nginx-export.yaml")));
    await narrator.during("imports", clusters.imported(APP, CLUSTERS));
    await narrator.during("names", client.untilAddresses(NAME, 1));
    await commands.run(kubectl(HOME, "get", "serviceimports"));
    return `${NAME} has an address in ${HOME}`;
  });
  await acts.play(`A client in ${HOME} always lands in ${HOME}`, () => lands(input, HOME));
  await acts.play(`${APP} in ${HOME} is scaled to zero: the client lands in ${OTHER}`, async () => {
    await scale(input, 0);
    await narrator.during("traffic", client.untilFrom(NAME, OTHER));
    return await lands(input, OTHER);
  });
  await acts.play("A prefix says which cluster", async () => {
    await scale(input, 1);
    const said: string[] = [];
    for (const cluster of CLUSTERS) {
      const name = nameOf(cluster, APP);
      // oxlint-disable-next-line no-await-in-loop -- told in order
      await narrator.during("names", client.untilFrom(name, cluster));
      // oxlint-disable-next-line no-await-in-loop
      said.push(expectOnly(await client.requests(name, REQUESTS), cluster, REQUESTS));
    }
    return said.join("; ");
  });
  await acts.play("SRV: the port, and the name to ask", () => records(input));
  await acts.play("Pods by name: the same name in both clusters", () => pods(input));
  await acts.play(`${OTHER} is disconnected: no answer has anything of it`, () => disconnected(input));
}

async function scale({ commands, clusters, narrator }: StoryInput, count: number): Promise<void> {
  await commands.run(kubectl(HOME, "scale", `deployment/${APP}`, `--replicas=${count}`));
  await narrator.during("pods", clusters.podsReady(HOME, { app: APP, count }));
}

/** Asks by the plain name, and reads in the access log of the cluster that it was there. */
async function lands(input: StoryInput, cluster: DiscoveryCluster): Promise<string> {
  const { client, commands, narrator } = input;
  const said = expectOnly(await client.requests(NAME, REQUESTS), cluster, REQUESTS);
  narrator.gap();
  narrator.say(`The access log in ${cluster} says the same:`);
  const log = await commands.run(kubectl(cluster, "logs", `deployment/${APP}`, "--tail=3"));
  const lines = log.split("\n").filter((line) => line.includes('"GET / HTTP/1.1" 200'));
  if (lines.length !== 3) throw new Unexpected(`the access log of ${cluster} has ${lines.length} of 3 lines`);
  return `${REQUESTS} requests: ${said}`;
}

async function records({ client }: StoryInput): Promise<string> {
  const said: string[] = [];
  for (const name of [NAME, nameOf(OTHER, APP)]) {
    const asked = `_http._tcp.${name}`;
    // oxlint-disable-next-line no-await-in-loop -- told in order
    const answer = (await client.run("dig", "+short", asked, "SRV")).trim();
    const wanted = `0 100 ${PORT} ${name}.`;
    if (answer !== wanted) throw new Unexpected(`${asked}: expected "${wanted}", got "${answer}"`);
    said.push(answer);
  }
  return said.join("; ");
}

async function pods({ client, clusters, commands, narrator }: StoryInput): Promise<string> {
  await commands.runAll(CLUSTERS.map((cluster) => apply(cluster, "clusterset/web.yaml")));
  const ready = CLUSTERS.map((cluster) => clusters.podsReady(cluster, { app: WEB, count: WEB_PODS }));
  await narrator.during("pods", Promise.all(ready));
  await commands.runAll(CLUSTERS.map((cluster) => apply(cluster, "clusterset/web-export.yaml")));
  await narrator.during("names", client.untilAddresses(WEB_NAME, WEB_PODS * CLUSTERS.length));
  await client.run("dig", "+short", WEB_NAME);
  const said: string[] = [];
  for (const cluster of CLUSTERS) {
    const host = nameOf("web-0", cluster, WEB);
    // oxlint-disable-next-line no-await-in-loop -- told in order
    const answer = await client.run("curl", "-s", "--max-time", "5", `http://${host}:${PORT}/`);
    if (!answer.includes('"pod":"web-0"') || !answer.includes(`"cluster":"${cluster}"`))
      throw new Unexpected(`${host} was answered ${answer === "" ? "by nobody" : answer}`);
    said.push(`web-0.${cluster}`);
  }
  return `${WEB_NAME} has ${WEB_PODS * CLUSTERS.length} addresses; ${said.join(" and ")} reach their pods`;
}

async function disconnected(input: StoryInput): Promise<string> {
  const { client, commands, narrator } = input;
  await commands.run(isthmus("link", "delete", HOME, ...place(OTHER)));
  const pinned = nameOf(OTHER, APP);
  const [ms] = await narrator.during(
    "names",
    Promise.all([client.untilAddresses(pinned, 0), client.untilAddresses(WEB_NAME, WEB_PODS)]),
  );
  await client.run("dig", "+short", pinned);
  await client.run("dig", "+short", WEB_NAME);
  const counts = await client.requests(NAME, REQUESTS);
  expectOnly(counts, HOME, REQUESTS);
  return `after ${(ms / 1000).toFixed(1)} s ${pinned} has no address; ${NAME}: ${countsText(counts)}`;
}
