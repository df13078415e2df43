import type { KubeObject } from "../cluster-api.ts";
import type { PrinterColumn, ServedVersion } from "../resources.ts";
import { isObject, type JsonObject } from "../schema/schema.ts";
import { ageOf, humanDuration } from "./human-duration.ts";
import { compileJsonPath } from "./json-path.ts";
import { podCells } from "./pod-row.ts";

export interface ColumnDefinition {
  name: string;
  type: string;
  format: string;
  description: string;
  /** 0 = always shown, 1 = with -o wide. */
  priority: number;
}

/** How objects of one kind appear in a table. */
export interface Printer {
  readonly columns: readonly ColumnDefinition[];
  cells(object: KubeObject, nowMs: number): unknown[];
}

type Cells = (object: KubeObject, nowMs: number) => unknown[];

const record = (value: unknown): JsonObject => (isObject(value) ? value : {});
const list = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);
const text = (value: unknown, fallback = "<none>"): string =>
  typeof value === "string" && value !== "" ? value : typeof value === "number" ? String(value) : fallback;
const number = (value: unknown): number => (typeof value === "number" ? value : 0);
const age = (object: KubeObject, nowMs: number): string => ageOf(object.metadata.creationTimestamp, nowMs);

/** "Name Ready:integer Age +IP": a type after a colon, + for wide. */
function printer(columns: string, cells: Cells): Printer {
  return {
    columns: columns.split(",").map((source): ColumnDefinition => {
      const wide = source.startsWith("+");
      const [name = "", type = "string"] = (wide ? source.slice(1) : source).split(":");
      return { name, type, format: name === "Name" ? "name" : "", description: name, priority: wide ? 1 : 0 };
    }),
    cells,
  };
}

function selectorText(selector: unknown): string {
  const labels = Object.entries(record(record(selector)["matchLabels"]));
  const parts = labels.map(([key, value]) => `${key}=${String(value)}`);
  for (const expression of list(record(selector)["matchExpressions"])) {
    const values = Array.isArray(expression["values"]) ? ` (${expression["values"].join(",")})` : "";
    parts.push(`${text(expression["key"])} ${text(expression["operator"]).toLowerCase()}${values}`);
  }
  return parts.length === 0 ? "<none>" : parts.join(",");
}

function containerTexts(template: unknown): [string, string] {
  const containers = list(record(record(template)["spec"])["containers"]);
  const join = (field: string): string => containers.map((container) => text(container[field], "")).join(",");
  return [join("name"), join("image")];
}

function servicePorts(spec: JsonObject): string {
  const ports = list(spec["ports"]).map((port) => {
    const node = port["nodePort"] === undefined ? "" : `:${number(port["nodePort"])}`;
    return `${number(port["port"])}${node}/${text(port["protocol"], "TCP")}`;
  });
  return ports.length === 0 ? "<none>" : ports.join(",");
}

function externalAddress(object: KubeObject): string {
  const spec = record(object["spec"]);
  const own = Array.isArray(spec["externalIPs"]) ? spec["externalIPs"].map(String) : [];
  if (spec["type"] === "ExternalName") return text(spec["externalName"]);
  if (spec["type"] === "LoadBalancer") {
    const ingress = list(record(record(object["status"])["loadBalancer"])["ingress"]);
    const given = ingress.map((entry) => text(entry["ip"], text(entry["hostname"], "")));
    const all = [...given, ...own];
    return all.length === 0 ? "<pending>" : all.join(",");
  }
  return own.length === 0 ? "<none>" : own.join(",");
}

function firstAndMore(items: readonly string[], most = 3): string {
  if (items.length === 0) return "<none>";
  const more = items.length - most;
  return items.slice(0, most).join(",") + (more > 0 ? ` + ${more} more...` : "");
}

function endpointsText(object: KubeObject): string {
  const all = list(object["subsets"]).flatMap((subset) => {
    const ports = list(subset["ports"]);
    return list(subset["addresses"]).flatMap((address) =>
      ports.length === 0
        ? [text(address["ip"])]
        : ports.map((port) => `${text(address["ip"])}:${number(port["port"])}`),
    );
  });
  return firstAndMore(all);
}

function nodeCells(object: KubeObject, nowMs: number): unknown[] {
  const status = record(object["status"]);
  const ready = list(status["conditions"]).find((condition) => condition["type"] === "Ready");
  const state = ready === undefined ? "Unknown" : ready["status"] === "True" ? "Ready" : "NotReady";
  const cordoned = record(object["spec"])["unschedulable"] === true ? ",SchedulingDisabled" : "";
  const roles = Object.keys(object.metadata.labels ?? {})
    .filter((label) => label.startsWith("node-role.kubernetes.io/"))
    .map((label) => label.slice("node-role.kubernetes.io/".length));
  const address = (type: string): string =>
    text(list(status["addresses"]).find((entry) => entry["type"] === type)?.["address"]);
  const info = record(status["nodeInfo"]);
  return [
    object.metadata.name,
    state + cordoned,
    roles.length === 0 ? "<none>" : roles.toSorted().join(","),
    age(object, nowMs),
    text(info["kubeletVersion"], ""),
    address("InternalIP"),
    address("ExternalIP"),
    text(info["osImage"], "<unknown>"),
    text(info["kernelVersion"], "<unknown>"),
    text(info["containerRuntimeVersion"], "<unknown>"),
  ];
}

function deploymentCells(object: KubeObject, nowMs: number): unknown[] {
  const spec = record(object["spec"]);
  const status = record(object["status"]);
  const ready = `${number(status["readyReplicas"])}/${number(spec["replicas"])}`;
  return [
    object.metadata.name,
    ready,
    number(status["updatedReplicas"]),
    number(status["availableReplicas"]),
    age(object, nowMs),
    ...containerTexts(spec["template"]),
    selectorText(spec["selector"]),
  ];
}

/** Status, completions and duration. */
function jobCells(object: KubeObject, nowMs: number): string[] {
  const { spec, status } = { spec: record(object["spec"]), status: record(object["status"]) };
  const is = (type: string): boolean =>
    list(status["conditions"]).some((each) => each["type"] === type && each["status"] === "True");
  const state = ["Complete", "Failed", "Suspended"].find(is) ?? "Running";
  const wanted = spec["completions"];
  const parallel = number(spec["parallelism"]);
  const of = typeof wanted === "number" ? String(wanted) : parallel > 1 ? `1 of ${parallel}` : "1";
  const from = Date.parse(text(status["startTime"], ""));
  const to = Date.parse(text(status["completionTime"], "")) || nowMs;
  const duration = Number.isNaN(from) ? "" : humanDuration(to - from);
  return [state, `${number(status["succeeded"])}/${of}`, duration];
}

function eventCells(object: KubeObject, nowMs: number): unknown[] {
  const involved = record(object["involvedObject"]);
  const source = record(object["source"]);
  const component = text(source["component"], text(object["reportingComponent"], ""));
  const host = text(source["host"], "");
  const first = object["firstTimestamp"] ?? object["eventTime"] ?? object.metadata.creationTimestamp;
  const last = record(object["series"])["lastObservedTime"] ?? object["lastTimestamp"] ?? first;
  const fieldPath = text(involved["fieldPath"], "");
  return [
    ageOf(last, nowMs),
    text(object["type"], ""),
    text(object["reason"], ""),
    `${text(involved["kind"], "").toLowerCase()}/${text(involved["name"], "")}`,
    fieldPath,
    host === "" ? component : `${component}, ${host}`,
    text(object["message"], "").trim(),
    ageOf(first, nowMs),
    number(record(object["series"])["count"]) || number(object["count"]) || 1,
    object.metadata.name,
  ];
}

const ROLE_BINDING = "Name,Role,Age,+Users,+Groups,+ServiceAccounts";

function bindingCells(object: KubeObject, nowMs: number): unknown[] {
  const role = record(object["roleRef"]);
  const subjects = (kind: string): string =>
    list(object["subjects"])
      .filter((subject) => subject["kind"] === kind)
      .map((subject) =>
        kind === "ServiceAccount"
          ? `${text(subject["namespace"], "")}/${text(subject["name"])}`
          : text(subject["name"]),
      )
      .join(", ");
  return [
    object.metadata.name,
    `${text(role["kind"])}/${text(role["name"])}`,
    age(object, nowMs),
    subjects("User"),
    subjects("Group"),
    subjects("ServiceAccount"),
  ];
}

const count = (value: unknown): number =>
  Array.isArray(value) ? value.length : Object.keys(record(value)).length;

/** Tables of the builtin kinds, as kube-apiserver prints them, by resource key. */
const PRINTERS: Readonly<Record<string, Printer>> = {
  pods: printer("Name,Ready,Status,Restarts,Age,+IP,+Node,+Nominated Node,+Readiness Gates", podCells),
  services: printer("Name,Type,Cluster-IP,External-IP,Port(s),Age,+Selector", (object, nowMs) => {
    const spec = record(object["spec"]);
    return [
      object.metadata.name,
      text(spec["type"]),
      text(spec["clusterIP"]),
      externalAddress(object),
      servicePorts(spec),
      age(object, nowMs),
      selectorText({ matchLabels: spec["selector"] }),
    ];
  }),
  namespaces: printer("Name,Status,Age", (object, nowMs) => [
    object.metadata.name,
    text(record(object["status"])["phase"], ""),
    age(object, nowMs),
  ]),
  nodes: printer(
    "Name,Status,Roles,Age,Version,+Internal-IP,+External-IP,+OS-Image,+Kernel-Version,+Container-Runtime",
    nodeCells,
  ),
  configmaps: printer("Name,Data,Age", (object, nowMs) => [
    object.metadata.name,
    String(count(object["data"]) + count(object["binaryData"])),
    age(object, nowMs),
  ]),
  secrets: printer("Name,Type,Data,Age", (object, nowMs) => [
    object.metadata.name,
    text(object["type"], ""),
    String(count(object["data"])),
    age(object, nowMs),
  ]),
  serviceaccounts: printer("Name,Secrets,Age", (object, nowMs) => [
    object.metadata.name,
    String(count(object["secrets"])),
    age(object, nowMs),
  ]),
  endpoints: printer("Name,Endpoints,Age", (object, nowMs) => [
    object.metadata.name,
    endpointsText(object),
    age(object, nowMs),
  ]),
  events: printer(
    "Last Seen,Type,Reason,Object,+Subobject,+Source,Message,+First Seen,+Count,+Name",
    eventCells,
  ),
  "deployments.apps": printer(
    "Name,Ready,Up-to-date,Available,Age,+Containers,+Images,+Selector",
    deploymentCells,
  ),
  "replicasets.apps": printer(
    "Name,Desired:integer,Current:integer,Ready:integer,Age,+Containers,+Images,+Selector",
    (object, nowMs) => {
      const spec = record(object["spec"]);
      const status = record(object["status"]);
      return [
        object.metadata.name,
        number(spec["replicas"]),
        number(status["replicas"]),
        number(status["readyReplicas"]),
        age(object, nowMs),
        ...containerTexts(spec["template"]),
        selectorText(spec["selector"]),
      ];
    },
  ),
  "statefulsets.apps": printer("Name,Ready,Age,+Containers,+Images", (object, nowMs) => {
    const spec = record(object["spec"]);
    const ready = number(record(object["status"])["readyReplicas"]);
    return [
      object.metadata.name,
      `${ready}/${number(spec["replicas"])}`,
      age(object, nowMs),
      ...containerTexts(spec["template"]),
    ];
  }),
  "controllerrevisions.apps": printer("Name,Controller,Revision:integer,Age", (object, nowMs) => {
    const owner = object.metadata.ownerReferences?.find(({ controller }) => controller === true);
    return [
      object.metadata.name,
      owner === undefined ? "<none>" : `${owner.kind.toLowerCase()}.apps/${owner.name}`,
      number(object["revision"]),
      age(object, nowMs),
    ];
  }),
  "jobs.batch": printer(
    "Name,Status,Completions,Duration,Age,+Containers,+Images,+Selector",
    (object, nowMs) => {
      const spec = record(object["spec"]);
      return [object.metadata.name, ...jobCells(object, nowMs), age(object, nowMs)].concat(
        containerTexts(spec["template"]),
        selectorText(spec["selector"]),
      );
    },
  ),
  "endpointslices.discovery.k8s.io": printer("Name,AddressType,Ports,Endpoints,Age", (object, nowMs) => [
    object.metadata.name,
    text(object["addressType"]),
    firstAndMore(list(object["ports"]).map((port) => text(port["port"], "*"))).replace("<none>", "<unset>"),
    firstAndMore(
      list(object["endpoints"]).flatMap((endpoint) =>
        Array.isArray(endpoint["addresses"]) ? endpoint["addresses"].map(String) : [],
      ),
    ).replace("<none>", "<unset>"),
    age(object, nowMs),
  ]),
  "leases.coordination.k8s.io": printer("Name,Holder,Age", (object, nowMs) => [
    object.metadata.name,
    text(record(object["spec"])["holderIdentity"], ""),
    age(object, nowMs),
  ]),
  "roles.rbac.authorization.k8s.io": printer("Name,Created At", created),
  "clusterroles.rbac.authorization.k8s.io": printer("Name,Created At", created),
  "customresourcedefinitions.apiextensions.k8s.io": printer("Name,Created At", created),
  "rolebindings.rbac.authorization.k8s.io": printer(ROLE_BINDING, bindingCells),
  "clusterrolebindings.rbac.authorization.k8s.io": printer(ROLE_BINDING, bindingCells),
};

function created(object: KubeObject): unknown[] {
  return [object.metadata.name, object.metadata.creationTimestamp ?? ""];
}

const NAME_AND_AGE = printer("Name,Age", (object, nowMs) => [object.metadata.name, age(object, nowMs)]);

/** The table of a resource in one version: builtin, or by the columns of its definition. */
export function printerFor(key: string, version: ServedVersion, custom: boolean): Printer {
  if (!custom) return PRINTERS[key] ?? NAME_AND_AGE;
  const paths = version.columns.map((column) => ({ column, find: compileJsonPath(column.jsonPath) }));
  const name = NAME_AND_AGE.columns.slice(0, 1);
  return {
    columns: [
      ...name,
      ...version.columns.map((column) => ({
        name: column.name,
        type: column.type,
        format: column.format ?? "",
        description: column.description ?? "",
        priority: column.priority ?? 0,
      })),
    ],
    cells: (object, nowMs) => [
      object.metadata.name,
      ...paths.map(({ column, find }) => customCell(find(object), column, nowMs)),
    ],
  };
}

/** As apiextensions' table convertor: one value as it is, several joined, dates as ages, nothing as null. */
function customCell(found: readonly unknown[], column: PrinterColumn, nowMs: number): unknown {
  const [value] = found;
  if (value === undefined || value === null) return null;
  if (column.type === "date") return ageOf(value, nowMs);
  if (column.type === "string") {
    return found.map((item) => (typeof item === "string" ? item : JSON.stringify(item))).join(",");
  }
  return typeof value === "object" ? JSON.stringify(value) : value;
}
