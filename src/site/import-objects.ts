import type { Service } from "#api/builtin.ts";
import type { OwnerReference } from "#api/object.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import { covers } from "#controller/compare.ts";
import { type DesiredImport, type ImportedPort, importLabels } from "./imports.ts";
import { EXPORTERS_ANNOTATION } from "./names.ts";

/** Name, number and application protocol of all ports, for comparing. */
export function portsText(ports: readonly ImportedPort[]): string {
  return ports.map(({ name, port, appProtocol }) => `${name ?? ""}:${port}:${appProtocol ?? ""}`).join();
}

/** The ServiceImport without its status. */
export function importObject(
  desired: DesiredImport,
  options: { namespace: string; owner: OwnerReference; ips: string[] },
): Pick<ServiceImport, "metadata" | "spec"> {
  return {
    metadata: {
      name: desired.name,
      namespace: options.namespace,
      labels: importLabels(),
      annotations: { [EXPORTERS_ANNOTATION]: desired.exporters.join(",") },
      ownerReferences: [options.owner],
    },
    spec: {
      type: "ClusterSetIP",
      ports: desired.ports.map(({ name, port, appProtocol }) => ({
        ...(name === undefined ? {} : { name }),
        protocol: "TCP",
        ...(appProtocol === undefined ? {} : { appProtocol }),
        port,
      })),
      ips: options.ips,
    },
  };
}

/** What others wrote stays; our labels and annotations are in it. */
export function merged(known: Service["metadata"], wanted: Service["metadata"]): Service["metadata"] {
  return {
    ...known,
    labels: { ...known.labels, ...wanted.labels },
    annotations: { ...known.annotations, ...wanted.annotations },
    ...(wanted.ownerReferences === undefined ? {} : { ownerReferences: wanted.ownerReferences }),
  };
}

/** Whether the Service says what is wanted: selector and ports exactly, since more of either would send clients elsewhere. */
export function isAsWanted(known: Service, wanted: Service): boolean {
  return (
    routing(known) === routing(wanted) &&
    covers(known.metadata, {
      labels: wanted.metadata.labels,
      ownerReferences: wanted.metadata.ownerReferences,
    })
  );
}

function routing(service: Service): string {
  const selector = Object.entries(service.spec.selector ?? {}).map(([key, value]) => `${key}=${value}`);
  const ports = (service.spec.ports ?? []).map(
    ({ name, port, targetPort, appProtocol }) =>
      `${port}/${name ?? ""}/${targetPort ?? ""}/${appProtocol ?? ""}`,
  );
  return `${selector.toSorted(compareText).join()} ${ports.toSorted(compareText).join()}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
