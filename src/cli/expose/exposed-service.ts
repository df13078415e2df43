import type { Deployment, Service } from "#api/builtin.ts";
import { type ServiceExport, serviceExportKind } from "#api/kinds/service-export.ts";
import { apiVersionOf } from "#api/resource-def.ts";
import { IsthmusError } from "#core/errors.ts";
import { ENTRY_PATH_ANNOTATION } from "#site/names.ts";
import { APP_PROTOCOLS, type ProtocolName } from "./app-protocols.ts";

/** On what `expose` made, so that `unexpose` takes away that and nothing else. */
export const EXPOSED_LABEL = "isthmus.dev/exposed-by";
export const EXPOSED_BY = "isthmus";

export interface ExposedPort {
  readonly port: number;
  readonly targetPort: number;
  /** [none: the routers find out] */
  readonly protocol?: ProtocolName | undefined;
}

/** The Service through which the pods of a Deployment are exposed. Throws INVALID when they cannot be told apart. */
export function serviceFor(
  deployment: Deployment,
  options: ExposedPort & { readonly name: string },
): Service {
  const { name, port, targetPort, protocol } = options;
  const appProtocol = protocol === undefined ? {} : { appProtocol: APP_PROTOCOLS[protocol] };
  const selector = deployment.spec.selector.matchLabels;
  if (selector === undefined || Object.keys(selector).length === 0) {
    throw new IsthmusError(
      "INVALID",
      `Deployment "${deployment.metadata.name}" selects its pods without matchLabels, which a Service cannot`,
      { hint: "Make a Service yourself, then: isthmus expose service/NAME" },
    );
  }
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name,
      namespace: deployment.metadata.namespace ?? "",
      labels: { [EXPOSED_LABEL]: EXPOSED_BY },
    },
    spec: { selector, ports: [{ name: `port${port}`, port, targetPort, protocol: "TCP", ...appProtocol }] },
  };
}

/** `path`: where it answers on the entry port of the site. */
export function exportFor(at: { name: string; namespace: string; path?: string | undefined }): ServiceExport {
  const { name, namespace, path } = at;
  const annotations = path === undefined ? {} : { annotations: { [ENTRY_PATH_ANNOTATION]: path } };
  return {
    apiVersion: apiVersionOf(serviceExportKind.resource),
    kind: "ServiceExport",
    metadata: { name, namespace, labels: { [EXPOSED_LABEL]: EXPOSED_BY }, ...annotations },
  };
}
