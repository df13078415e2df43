import type { Service } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import { NAME_LABEL, NOBODY, ROUTER } from "#site/names.ts";
import { printValue } from "../output/objects.ts";
import { styleFor } from "../output/style.ts";
import type { Session } from "../session.ts";
import { placeOf, requireSite, siteName } from "../site.ts";
import { readExplanation } from "./explanation.ts";
import { explanationText } from "./explanation-text.ts";
import { askRouter } from "./router-pods.ts";

export interface ExplainOptions {
  readonly port?: number;
  readonly request?: boolean;
  readonly client?: string;
  /** `name=value`. */
  readonly header?: readonly string[];
  readonly path?: string;
  readonly output?: "table" | "json" | "yaml";
}

/**
 * Says who gets the traffic to a service and why, as a router of this site decides at this moment. Throws NOT_FOUND
 * when there is no such service or port, or when its traffic does not pass the routers.
 */
export async function explain(
  options: ExplainOptions & { readonly service: string },
  outer: Session,
): Promise<void> {
  const { session, name } = placed(options.service, outer);
  const site = await requireSite(session);
  const { service, port, others } = await portOf(name, { port: options.port, session });
  const answer = await askRouter(
    `/v1/explain?${queryOf(options, `${session.namespace}/${name}`, port)}`,
    session,
  );
  if (answer === undefined) throw notRouted(name, { port, session });
  const explanation = readExplanation(answer.value, answer.pod);
  if (options.output === "json" || options.output === "yaml") {
    printValue(explanation, options.output, session.io);
    return;
  }
  const more = answer.routers > 1 ? `, one of ${answer.routers}` : "";
  session.io.out(
    explanationText(explanation, {
      style: styleFor(session.io, "out"),
      seenBy: `router ${answer.pod} of site "${siteName(site)}"${more}`,
      request: requestWords(options),
      way: wayOf(service, session),
    }),
  );
  if (others.length > 0)
    session.io.out(`\nOther ports: ${others.map((one) => `--port ${one}`).join(", ")}\n`);
}

/** `NS/SERVICE`, or a service of the session's namespace. */
function placed(text: string, session: Session): { session: Session; name: string } {
  const [first = "", second, ...rest] = text.split("/");
  if (second === undefined && first !== "") return { session, name: first };
  if (second === undefined || second === "" || first === "" || rest.length > 0) {
    throw new IsthmusError("USAGE", `Cannot explain "${text}": expected SERVICE or NAMESPACE/SERVICE`, {
      hint: "isthmus explain --help",
    });
  }
  return { session: session.in(first), name: second };
}

async function portOf(
  name: string,
  { port, session }: { port: number | undefined; session: Session },
): Promise<{ service: Service; port: number; others: number[] }> {
  const { client, namespace } = session;
  const service = await client.find<Service>(RESOURCES.services, { namespace, name });
  if (service === undefined) {
    throw new IsthmusError(
      "NOT_FOUND",
      `There is no Service "${name}" in namespace "${namespace}" of ${placeOf(session)}`,
      { hint: `See what there is: ${session.command("network status")}` },
    );
  }
  const ports = (service.spec.ports ?? []).filter(({ protocol = "TCP" }) => protocol === "TCP");
  const numbers = ports.map((one) => one.port);
  const chosen = port ?? numbers[0];
  if (chosen === undefined || !numbers.includes(chosen)) {
    const has = numbers.length === 0 ? "it has no TCP port" : `its ports are ${numbers.join(", ")}`;
    throw new IsthmusError("NOT_FOUND", `Service "${name}" has no port ${chosen ?? "at all"}: ${has}`, {
      hint: session.command(`explain ${name}${numbers[0] === undefined ? "" : ` --port ${numbers[0]}`}`),
    });
  }
  return { service, port: chosen, others: numbers.filter((one) => one !== chosen) };
}

/** What a router decides counts only for clients whom the Service leads to it. Undefined when it does. */
function wayOf({ metadata, spec }: Service, session: Session): string | undefined {
  const { name } = metadata;
  const { selector = {} } = spec;
  if (selector[NAME_LABEL] === ROUTER) return undefined;
  if (Object.keys(NOBODY).some((key) => selector[key] !== undefined)) {
    return "Clients in this cluster are refused: the mode is Local, and no pod of the service is here.";
  }
  return `Clients in this cluster do not pass the routers: Service "${name}" leads to its own pods. To let others serve it too: ${session.command(`policy set ${name} --mode Failover`)}`;
}

function queryOf(options: ExplainOptions, service: string, port: number): string {
  const { client, header = [], path } = options;
  const query = new URLSearchParams({ service, port: String(port) });
  if (!asksForSample(options)) return query.toString();
  query.set("sample", "1");
  if (client !== undefined) query.set("client", client);
  if (path !== undefined) query.set("path", path);
  for (const one of header) query.append("header", one);
  return query.toString();
}

/** What describes a request asks for one. */
function asksForSample({ request, client, header = [], path }: ExplainOptions): boolean {
  return request === true || client !== undefined || path !== undefined || header.length > 0;
}

function requestWords({ client, header = [], path }: ExplainOptions): string {
  const words = [
    ...(path === undefined ? [] : [`for ${path}`]),
    ...(client === undefined ? [] : [`from ${client}`]),
    ...header.map((one) => `with ${one.replace("=", ": ")}`),
  ];
  return words.length === 0 ? "" : ` ${words.join(", ")}`;
}

function notRouted(name: string, { port, session }: { port: number; session: Session }): IsthmusError {
  return new IsthmusError(
    "NOT_FOUND",
    `The routers of namespace "${session.namespace}" have nothing to decide for "${name}" port ${port}: it is a Service of this cluster alone, and no policy names it`,
    { hint: `To let other clusters serve it too: ${session.command(`policy set ${name} --mode Failover`)}` },
  );
}
