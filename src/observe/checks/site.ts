import type { Deployment, Pod } from "#api/builtin.ts";
import type { Site } from "#api/kinds/site.ts";
import { conditionOf } from "#api/object.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { VERSION } from "#core/version.ts";
import { ADMIN_PORT, CONTROLLER, NAME_LABEL, ROUTER } from "#site/names.ts";
import { CONSOLE } from "#site/console/console-names.ts";
import { type Category, type Check, failed, ok, skipped, type Verdict, warning } from "./check.ts";
import type { Facts } from "./facts.ts";
import { kindsVerdict } from "./kubernetes.ts";

const kinds: Check = {
  name: "kinds are installed",
  fatal: true,
  run: (facts) =>
    kindsVerdict(facts, (missing) => failed(`${missing.join(", ")} are not`, facts.command("init"))),
};

const siteIsThere: Check = {
  name: "site is there",
  fatal: true,
  async run(facts) {
    const all = await facts.list<Site>(RESOURCES.sites);
    const site = await facts.site();
    if (site === undefined)
      return failed(`There is no site in namespace "${facts.namespace}"`, facts.command("init"));
    const others = all.filter(({ metadata }) => metadata.uid !== site.metadata.uid);
    const [other] = others;
    if (other === undefined) return ok(site.spec.name ?? site.metadata.name);
    return warning(
      `Of ${all.length} only the oldest counts, "${site.metadata.name}"`,
      facts.kubectl(`delete site ${other.metadata.name}`),
    );
  },
};

const configured: Check = conditionCheck("configuration is in force", "Configured");
const ready: Check = conditionCheck("site is ready", "Ready");

function conditionCheck(name: string, type: string): Check {
  return {
    name,
    async run(facts) {
      const condition = conditionOf((await facts.site())?.status?.conditions, type);
      const logs = facts.kubectl(`logs deployment/${CONTROLLER}`);
      if (condition === undefined) return failed("The controller has not looked at it yet", logs);
      if (condition.status !== "True") return failed(condition.message, logs);
      return ok(type === "Ready" ? undefined : condition.message);
    },
  };
}

const controllerRuns: Check = {
  name: "controller is ready",
  run: (facts) => deploymentVerdict(CONTROLLER, facts),
};
const routersRun: Check = { name: "routers are ready", run: (facts) => deploymentVerdict(ROUTER, facts) };

const consoleRuns: Check = {
  name: "console is ready",
  async run(facts) {
    // Most sites have none, and need no line that says so.
    const { console } = (await facts.site())?.spec ?? {};
    if (console === undefined || !console.enabled) return [];
    return [{ name: "console is ready", ...(await deploymentVerdict(CONSOLE, facts)) }];
  },
};

async function deploymentVerdict(name: string, facts: Facts): Promise<Verdict> {
  const deployment = await facts.find<Deployment>(RESOURCES.deployments, name);
  if (deployment === undefined) {
    return failed(
      `There is no Deployment "${name}"`,
      name === CONTROLLER ? facts.command("init") : facts.kubectl(`logs deployment/${CONTROLLER}`),
    );
  }
  const wanted = deployment.spec.replicas ?? 1;
  const { readyReplicas = 0, updatedReplicas = 0 } = deployment.status ?? {};
  const hint = facts.kubectl(`get pods -l ${NAME_LABEL}=${name}`);
  if (wanted === 0)
    return failed("It is scaled to 0", facts.kubectl(`scale deployment/${name} --replicas=1`));
  const count = `${readyReplicas} of ${wanted} ${wanted === 1 ? "pod" : "pods"} ready`;
  if (readyReplicas === 0) return failed(count, hint);
  if (readyReplicas < wanted || updatedReplicas < wanted) {
    const old = updatedReplicas < wanted ? `, ${wanted - updatedReplicas} of an older kind` : "";
    return warning(`${count}${old}`, hint);
  }
  return ok(count);
}

/** What the controller says of itself, through the API server. */
interface ControllerState {
  readonly version?: unknown;
  readonly leader?: unknown;
}

const controllerLeads: Check = {
  name: "controller leads",
  async run(facts) {
    const logs = facts.kubectl(`logs deployment/${CONTROLLER}`);
    let state: ControllerState | undefined;
    try {
      state = await controllerState(facts);
    } catch (error) {
      if (error instanceof IsthmusError && error.retryable)
        return warning(`The controller does not say so: ${messageOf(error)}`, logs);
      throw error;
    }
    if (state === undefined) return skipped("No pod of the controller is ready");
    return typeof state.leader === "string"
      ? ok(state.leader.split("_")[0])
      : failed("No replica of the controller has the lease, so nothing is written", logs);
  },
};

const versions: Check = {
  name: "versions agree",
  async run(facts) {
    const site = await facts.site();
    const said = (await controllerState(facts).catch(() => undefined))?.version;
    const controller = typeof said === "string" ? said : VERSION;
    const seen = site?.status?.sites ?? [];
    const own = seen.find(({ id }) => id === site?.status?.id)?.version;
    const upgrade = `To bring it up to date: ${facts.command("init")}`;
    if (controller !== VERSION)
      return warning(`The controller is ${controller}, this program is ${VERSION}`, upgrade);
    if (own !== undefined && own !== controller)
      return warning(`The routers are ${own}, the controller is ${controller}`, upgrade);
    const far = seen.filter(({ version }) => version !== undefined && line(version) !== line(own ?? VERSION));
    if (far.length > 0) {
      const list = far.map(({ name, version }) => `${name} ${version ?? ""}`).join(", ");
      return warning(`Sites of another version than ${own ?? VERSION}: ${list}`, upgrade);
    }
    return ok(VERSION);
  },
};

/** `0.2.7` is of the line `0.2`: what is compatible. */
function line(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}

function controllerState(facts: Facts): Promise<ControllerState | undefined> {
  return facts.once("controller state", async () => {
    const pods = await facts.list<Pod>(RESOURCES.pods, `${NAME_LABEL}=${CONTROLLER}`);
    const pod = pods.find(({ metadata, status }) => {
      const is = status?.conditions?.some((one) => one.type === "Ready" && one.status === "True");
      return metadata.deletionTimestamp === undefined && is === true;
    });
    if (pod === undefined) return undefined;
    const { client, namespace, signal } = facts;
    const path = "/v1/state";
    return await client.askPod<ControllerState>({
      namespace,
      pod: pod.metadata.name,
      port: ADMIN_PORT,
      path,
      timeoutMs: 3000,
      signal,
    });
  });
}

export const site: Category = {
  category: "Site",
  checks: [
    kinds,
    siteIsThere,
    controllerRuns,
    controllerLeads,
    routersRun,
    consoleRuns,
    configured,
    ready,
    versions,
  ],
};
