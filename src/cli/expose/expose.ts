import type { Deployment, Service } from "#api/builtin.ts";
import type { ServiceExport } from "#api/kinds/service-export.ts";
import { conditionOf } from "#api/object.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import { type WaitOptions, waitMs, workloadOf } from "../flags.ts";
import { formatObjects, type ObjectFormat } from "../output/objects.ts";
import type { Session } from "../session.ts";
import { placeOf, requireSite } from "../site.ts";
import { waitUntil } from "../wait.ts";
import type { ProtocolName } from "./app-protocols.ts";
import { EXPOSED_LABEL, exportFor, serviceFor } from "./exposed-service.ts";
import { checkFree, placeService } from "./place-service.ts";

export interface ExposeOptions extends WaitOptions {
  readonly port?: number;
  readonly targetPort?: number;
  readonly name?: string;
  readonly protocol?: ProtocolName;
  readonly path?: string;
  readonly output?: ObjectFormat;
}

interface Plan {
  readonly name: string;
  /** To be made; absent when the user's own Service is exported. */
  readonly service?: Service;
  readonly export: ServiceExport;
  readonly ports: readonly number[];
}

/**
 * Exports a Service, or makes one for a Deployment and exports that. When the export is refused, what was made is taken
 * away again.
 */
export async function expose(
  options: ExposeOptions & { readonly target: string },
  session: Session,
): Promise<void> {
  const { client, io, namespace } = session;
  const plan = await planFor(options, session);
  if (options.output !== undefined) {
    const objects = plan.service === undefined ? [plan.export] : [plan.service, plan.export];
    io.out(formatObjects(objects, options.output));
    return;
  }
  await requireSite(session);
  const before = {
    service: await client.find<Service>(RESOURCES.services, { namespace, name: plan.name }),
    export: await client.find<ServiceExport>(RESOURCES.serviceExports, { namespace, name: plan.name }),
  };
  if (plan.service !== undefined) checkFree(before.service, { name: plan.name, session });
  try {
    if (plan.service !== undefined) await placeService(plan.service, session);
    const applied = await client.apply(RESOURCES.serviceExports, plan.export);
    const timeoutMs = waitMs(options, true);
    if (timeoutMs > 0)
      await exported({ generation: applied.metadata.generation ?? 0, plan, timeoutMs, session });
  } catch (error) {
    if (!(error instanceof IsthmusError) || error.code !== "TIMEOUT") {
      if (before.export === undefined)
        await client.delete(RESOURCES.serviceExports, { namespace, name: plan.name });
      if (plan.service !== undefined && before.service?.metadata.labels?.[EXPOSED_LABEL] === undefined) {
        await client.delete(RESOURCES.services, { namespace, name: plan.name });
      }
    }
    throw error;
  }
  io.out(`Service "${plan.name}" (port ${plan.ports.join(", ")}) is exposed to the network\n`);
}

async function planFor(
  options: ExposeOptions & { readonly target: string },
  session: Session,
): Promise<Plan> {
  const { client, namespace } = session;
  const { path } = options;
  const { kind, name } = workloadOf(options.target);
  if (kind === "Service") {
    const shape = [options.name, options.port, options.targetPort, options.protocol];
    if (shape.some((option) => option !== undefined)) {
      throw new IsthmusError(
        "USAGE",
        "A service is exposed as it is: with its own name, ports and protocols",
        {
          hint: session.command(`expose service/${name}`),
        },
      );
    }
    const service = await client.find<Service>(RESOURCES.services, { namespace, name });
    if (service === undefined) throw notThere(kind, { name, session });
    return {
      name,
      export: exportFor({ name, namespace, path }),
      ports: (service.spec.ports ?? []).map(({ port }) => port),
    };
  }
  if (options.port === undefined) {
    throw new IsthmusError("USAGE", `Which port of ${options.target} is to be exposed?`, {
      hint: session.command(`expose ${options.target} --port 8080`),
    });
  }
  const deployment = await client.find<Deployment>(RESOURCES.deployments, { namespace, name });
  if (deployment === undefined) throw notThere(kind, { name, session });
  const serviceName = options.name ?? name;
  const ports = {
    port: options.port,
    targetPort: options.targetPort ?? options.port,
    protocol: options.protocol,
  };
  return {
    name: serviceName,
    service: serviceFor(deployment, { name: serviceName, ...ports }),
    export: exportFor({ name: serviceName, namespace, path }),
    ports: [options.port],
  };
}

async function exported(input: {
  generation: number;
  plan: Plan;
  timeoutMs: number;
  session: Session;
}): Promise<void> {
  const { plan, timeoutMs, session } = input;
  const { client, namespace } = session;
  const { name } = plan;
  await waitUntil({
    what: `service "${name}" to be exported`,
    timeoutMs,
    progress: session.progress,
    hint: session.kubectl(`describe serviceexport ${name}`),
    look: async () => {
      const { status } = await client.get<ServiceExport>(RESOURCES.serviceExports, { namespace, name });
      const valid = conditionOf(status?.conditions, "Valid");
      const ready = conditionOf(status?.conditions, "Ready");
      // "NoService" can be a controller that has not seen the new Service yet.
      if (valid?.status === "False" && valid.reason === "InvalidServiceType") {
        throw new IsthmusError("INVALID", `Cannot expose "${name}": ${valid.message}`, {
          hint: session.kubectl(`describe service ${name}`),
        });
      }
      if (valid?.status === "True" && ready?.status === "True") {
        const entry = conditionOf(status?.conditions, "Entry");
        if (plan.export.metadata.annotations !== undefined && entry === undefined) return { pending: "" };
        if (entry?.status === "False") {
          session.io.err(`warning: It does not answer from outside: ${entry.message}\n`);
          if (entry.reason === "NoEntry")
            session.io.err(`hint: ${session.command("init --entry-port 8080")}\n`);
        }
        return { done: true };
      }
      return { pending: (valid?.status === "True" ? ready : valid)?.message ?? "" };
    },
  });
}

function notThere(kind: string, { name, session }: { name: string; session: Session }): IsthmusError {
  const lower = kind.toLowerCase();
  return new IsthmusError(
    "NOT_FOUND",
    `There is no ${kind} "${name}" in namespace "${session.namespace}" of ${placeOf(session)}`,
    { hint: session.kubectl(`get ${lower}s`) },
  );
}
