/** A cluster's name in the form that ServiceImport.status.clusters takes: an RFC 1123 label. */
export function clusterLabel(name: string): string {
  const label = name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .slice(0, 63)
    .replace(/^-+|-+$/g, "");
  return label === "" ? "unnamed" : label;
}

const LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?";
const ID = new RegExp(`^${LABEL}(\\.${LABEL})?$`);
/** What the value of a Kubernetes label may have. */
const LONGEST = 63;

/** Whether a name can stand in DNS names and in labels of Kubernetes as it is: one RFC 1123 label, or two (`name.registry`, KEP-1645). */
export function isClusterId(name: string): boolean {
  return name.length <= LONGEST && ID.test(name);
}

/** The cluster's id (KEP-1645): its name, or, where that cannot be one, its label. */
export function clusterId(name: string): string {
  return isClusterId(name) ? name : clusterLabel(name);
}
