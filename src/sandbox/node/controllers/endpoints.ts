import { isPodFinished, isPodReady } from "../conditions.ts";
import { KeyedQueue } from "../keyed-queue.ts";
import { matchesLabels } from "../selector.ts";
import { at, keyOf, splitKey } from "../store.ts";
import type {
  EndpointAddress,
  Endpoints,
  EndpointSlice,
  Pod,
  Service,
  SliceEndpoint,
  SlicePort,
} from "../types.ts";
import type { Controller, ControllerContext } from "./context.ts";

/** As kube-controller-manager's --max-endpoints-per-slice. */
const MAX_PER_SLICE = 100;
const SERVICE_NAME = "kubernetes.io/service-name";
const MANAGED_BY = "endpointslice.kubernetes.io/managed-by";
const MANAGER = "endpointslice-controller.k8s.io";
const HEADLESS = "service.kubernetes.io/headless";

/**
 * Writes the EndpointSlices and the Endpoints of every Service with a selector, in the turn in which a pod changed.
 * Services without a selector are left to whoever writes their slices.
 */
export function startEndpointsController(context: ControllerContext): Controller {
  const { stores, clock } = context;
  const queue = new KeyedQueue({ name: "endpoints", clock, handle: (key) => reconcile(context, key) });
  stores.services.onChange((_type, service) => queue.add(keyOf(service)));
  stores.pods.onChange((_type, pod, old) => {
    for (const service of stores.services.list(pod.metadata.namespace ?? "")) {
      if (selects(service, pod) || (old !== undefined && selects(service, old))) queue.add(keyOf(service));
    }
  });
  const repair = (_type: string, object: Endpoints | EndpointSlice): void => {
    const service = object.metadata.labels?.[SERVICE_NAME] ?? object.metadata.name;
    queue.add(`${object.metadata.namespace ?? ""}/${service}`);
  };
  stores.slices.onChange(repair);
  stores.endpoints.onChange(repair);
  return queue;
}

function selects(service: Service, pod: Pod): boolean {
  const { selector } = service.spec;
  return (
    selector !== undefined && Object.keys(selector).length > 0 && matchesLabels(selector, pod.metadata.labels)
  );
}

function reconcile(context: ControllerContext, key: string): void {
  const { stores } = context;
  const { namespace, name } = splitKey(key);
  const service = stores.services.get(namespace, name);
  const mine = stores.slices
    .list(namespace)
    .filter(
      (slice) =>
        slice.metadata.labels?.[SERVICE_NAME] === name && slice.metadata.labels[MANAGED_BY] === MANAGER,
    );
  if (service === undefined || service.metadata.deletionTimestamp !== undefined) {
    for (const slice of mine) stores.slices.delete(at(slice));
    const endpoints = stores.endpoints.get(namespace, name);
    if (service === undefined && endpoints?.metadata.labels?.[MANAGED_BY] === MANAGER)
      stores.endpoints.delete(at(endpoints));
    return;
  }
  if (service.spec.type === "ExternalName" || Object.keys(service.spec.selector ?? {}).length === 0) return;
  const pods = stores.pods.list(namespace).filter((pod) => selects(service, pod) && hasAddress(pod));
  pods.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  writeSlices(context, { service, pods, mine });
  writeEndpoints(context, { service, pods });
}

function hasAddress(pod: Pod): boolean {
  return (pod.status?.podIP ?? "") !== "" && !isPodFinished(pod);
}

interface Wanted {
  readonly ports: SlicePort[];
  readonly endpoints: SliceEndpoint[];
}

function writeSlices(
  { stores }: ControllerContext,
  { service, pods, mine }: { service: Service; pods: readonly Pod[]; mine: readonly EndpointSlice[] },
): void {
  const groups = new Map<string, Wanted>();
  for (const pod of pods) {
    const ports = portsOf(service, pod);
    if (ports === undefined) continue;
    const id = JSON.stringify(ports);
    let group = groups.get(id);
    if (group === undefined) groups.set(id, (group = { ports, endpoints: [] }));
    group.endpoints.push(sliceEndpoint(service, pod));
  }
  const wanted: Wanted[] = [];
  for (const { ports, endpoints } of groups.values()) {
    for (let index = 0; index < endpoints.length; index += MAX_PER_SLICE) {
      wanted.push({ ports, endpoints: endpoints.slice(index, index + MAX_PER_SLICE) });
    }
  }
  // A Service without pods has one empty slice, as upstream: its readers see "none" and not "not yet".
  if (wanted.length === 0) wanted.push({ ports: [], endpoints: [] });
  const left = [...mine];
  for (const want of wanted) {
    const ports = JSON.stringify(want.ports);
    const match = Math.max(
      0,
      left.findIndex((slice) => JSON.stringify(slice.ports ?? []) === ports),
    );
    const [slice] = left.splice(match, 1);
    if (slice === undefined) stores.slices.create(newSlice(service, want));
    else if (!sameSlice(slice, service, want)) {
      stores.slices.mutate(at(slice), (draft) => {
        draft.metadata.labels = sliceLabels(service);
        return { ...draft, endpoints: want.endpoints, ports: want.ports };
      });
    }
  }
  for (const slice of left) stores.slices.delete(at(slice));
}

function sameSlice(slice: EndpointSlice, service: Service, want: Wanted): boolean {
  return (
    JSON.stringify(slice.endpoints ?? []) === JSON.stringify(want.endpoints) &&
    JSON.stringify(slice.ports ?? []) === JSON.stringify(want.ports) &&
    JSON.stringify(slice.metadata.labels) === JSON.stringify(sliceLabels(service))
  );
}

function newSlice(service: Service, want: Wanted) {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      generateName: `${service.metadata.name}-`,
      namespace: service.metadata.namespace ?? "",
      labels: sliceLabels(service),
      ownerReferences: [
        {
          apiVersion: "v1",
          kind: "Service",
          name: service.metadata.name,
          uid: service.metadata.uid ?? "",
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    addressType: "IPv4",
    endpoints: want.endpoints,
    ports: want.ports,
  };
}

function sliceLabels(service: Service): Record<string, string> {
  return {
    ...service.metadata.labels,
    [SERVICE_NAME]: service.metadata.name,
    [MANAGED_BY]: MANAGER,
    ...(service.spec.clusterIP === "None" ? { [HEADLESS]: "" } : {}),
  };
}

/** The ports of the Service on this pod; undefined when a named port is not there. */
function portsOf(service: Service, pod: Pod): SlicePort[] | undefined {
  const ports: SlicePort[] = [];
  for (const { name, port, targetPort, protocol = "TCP", appProtocol } of service.spec.ports ?? []) {
    const number =
      typeof targetPort === "string" ? namedPort(pod, { name: targetPort, protocol }) : targetPort || port;
    if (number === undefined) continue;
    ports.push({
      name: name ?? "",
      port: number,
      protocol,
      ...(appProtocol === undefined ? {} : { appProtocol }),
    });
  }
  return ports.length === 0 && (service.spec.ports ?? []).length > 0 ? undefined : ports;
}

function namedPort(pod: Pod, { name, protocol }: { name: string; protocol: string }): number | undefined {
  for (const container of pod.spec.containers) {
    const found = container.ports?.find(
      (port) => port.name === name && (port.protocol ?? "TCP") === protocol,
    );
    if (found !== undefined) return found.containerPort;
  }
  return /^\d+$/.test(name) ? Number(name) : undefined;
}

function sliceEndpoint(service: Service, pod: Pod): SliceEndpoint {
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const serving = isPodReady(pod);
  const publish = service.spec.publishNotReadyAddresses === true;
  return {
    addresses: [pod.status?.podIP ?? ""],
    conditions: { ready: publish || (serving && !terminating), serving, terminating },
    ...(pod.spec.hostname !== undefined && pod.spec.subdomain === service.metadata.name
      ? { hostname: pod.spec.hostname }
      : {}),
    ...(pod.spec.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
    targetRef: podReference(pod),
  };
}

function podReference(pod: Pod) {
  return {
    kind: "Pod",
    name: pod.metadata.name,
    namespace: pod.metadata.namespace ?? "",
    uid: pod.metadata.uid ?? "",
  };
}

function writeEndpoints(
  { stores }: ControllerContext,
  { service, pods }: { service: Service; pods: readonly Pod[] },
): void {
  const groups = new Map<
    string,
    { addresses: EndpointAddress[]; notReadyAddresses: EndpointAddress[]; ports: SlicePort[] }
  >();
  for (const pod of pods) {
    const ports = portsOf(service, pod);
    if (ports === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    const id = JSON.stringify(ports);
    let group = groups.get(id);
    if (group === undefined) groups.set(id, (group = { addresses: [], notReadyAddresses: [], ports }));
    const ready = service.spec.publishNotReadyAddresses === true || isPodReady(pod);
    (ready ? group.addresses : group.notReadyAddresses).push({
      ip: pod.status?.podIP ?? "",
      ...(pod.spec.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
      targetRef: podReference(pod),
    });
  }
  const subsets = [...groups.values()].map(({ addresses, notReadyAddresses, ports }) => ({
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(notReadyAddresses.length === 0 ? {} : { notReadyAddresses }),
    ports: ports.map(({ name, ...port }) => ({ ...(name === "" ? {} : { name }), ...port })),
  }));
  const labels = { ...service.metadata.labels, [MANAGED_BY]: MANAGER };
  const present = stores.endpoints.get(service.metadata.namespace ?? "", service.metadata.name);
  if (present === undefined) {
    stores.endpoints.create({
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { name: service.metadata.name, namespace: service.metadata.namespace ?? "", labels },
      ...(subsets.length === 0 ? {} : { subsets }),
    });
    return;
  }
  if (
    JSON.stringify(present.subsets ?? []) === JSON.stringify(subsets) &&
    present.metadata.labels?.[MANAGED_BY]
  )
    return;
  stores.endpoints.mutate(at(present), (draft) => {
    draft.metadata.labels = labels;
    const { subsets: _, ...rest } = draft;
    return { ...rest, ...(subsets.length === 0 ? {} : { subsets }) } as Endpoints;
  });
}
