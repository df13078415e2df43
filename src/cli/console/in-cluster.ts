import type { Service } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { SandboxSites } from "#console/sandbox/sandbox-sites.ts";
import { IsthmusError } from "#core/errors.ts";
import { CONSOLE, CONSOLE_PORT } from "#site/console/console-names.ts";
import { exposureOf, hostPort } from "#site/link-access.ts";
import type { Session } from "../session.ts";
import { requireSite, siteName } from "../site.ts";

/** Says how to reach the console that the Site has in its cluster. Throws NOT_FOUND with the command that makes one. */
export async function sayWhere(session: Session): Promise<void> {
  const { client, io, namespace } = session;
  const site = await requireSite(session);
  const name = site.metadata.name;
  if (site.spec.console?.enabled !== true) {
    throw new IsthmusError("NOT_FOUND", `Site "${siteName(site)}" has no console in its cluster`, {
      hint: session.kubectl(`patch site ${name} --type merge -p '{"spec":{"console":{"enabled":true}}}'`),
    });
  }
  const service = await client.find<Service>(RESOURCES.services, { namespace, name: CONSOLE });
  const exposure = exposureOf(service, { port: "console", nodeHost: "NODE" });
  if (exposure.state === "pending")
    throw new IsthmusError("TIMEOUT", exposure.message, { hint: session.kubectl(`get service ${CONSOLE}`) });
  const line = (text: string): void => io.out(`  ${text}\n`);
  io.out(`Console of site "${siteName(site)}", in its cluster:\n\n`);
  // The addresses of a sandbox are this machine's.
  const isInside =
    (service?.spec.type ?? "ClusterIP") === "ClusterIP" &&
    !(await new SandboxSites().has(client.connection.server));
  if (isInside) line(session.kubectl(`port-forward service/${CONSOLE} ${CONSOLE_PORT}`));
  const [first] = exposure.addresses;
  line(`https://${isInside || first === undefined ? `127.0.0.1:${CONSOLE_PORT}` : hostPort(first)}`);
  if (site.spec.console.auth === "ProxyHeader") {
    io.out("\nIt believes its reverse proxy, which has to be asked instead.\n");
    return;
  }
  io.out("\nThe password, and the authority of its certificate:\n\n");
  line(`${session.kubectl(`get secret ${CONSOLE} -o jsonpath='{.data.password}'`)} | base64 -d`);
  line(
    `${session.kubectl(`get secret ${CONSOLE} -o jsonpath='{.data.ca\\.crt}'`)} | base64 -d > isthmus-console-ca.crt`,
  );
}
