import type { Service } from "#api/builtin.ts";
import type { OwnerReference } from "#api/object.ts";
import { importService, type DesiredImport } from "./imports.ts";
import { CLUSTERSET_LABEL, MANAGED_BY, MANAGED_BY_LABEL, PIN_CLUSTER_LABEL } from "../names.ts";
import { nameWithSuffix } from "../policy/take-over.ts";

/** The Service whose address an import has where the Service of its name is the user's. */
export function clustersetName(name: string): string {
  return nameWithSuffix(name, "-clusterset");
}

/** Which import that Service stands for as a whole; undefined for any other Service. */
export function clustersetOf(service: Service | undefined): string | undefined {
  const labels = service?.metadata.labels;
  return labels?.[PIN_CLUSTER_LABEL] === undefined ? labels?.[CLUSTERSET_LABEL] : undefined;
}

/** Leads to the routers, as the Service of the import's own name does where there is room for it. */
export function clustersetService(
  desired: DesiredImport,
  options: {
    namespace: string;
    owner: OwnerReference;
    targetPort: (port: number) => number;
    refuse: boolean;
  },
): Service {
  const service = importService(desired, options);
  return {
    ...service,
    metadata: {
      ...service.metadata,
      name: clustersetName(desired.name),
      labels: { [MANAGED_BY_LABEL]: MANAGED_BY, [CLUSTERSET_LABEL]: desired.name },
    },
  };
}
