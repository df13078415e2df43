import { rmSync } from "node:fs";
import { stringify } from "yaml";
import { writeFileAtomic } from "#core/file.ts";
import { readRecords } from "./cluster-record.ts";
import { sandboxKubeconfig } from "./home.ts";
import { addressPlan } from "./node/services/addresses.ts";

/** The context of a cluster in the sandbox's kubeconfig. */
export function contextName(cluster: string): string {
  return `sandbox-${cluster}`;
}

/** Writes the kubeconfig of all clusters of a home that have ever answered; takes it away with the last of them. */
export function writeKubeconfig(home: string): void {
  const known = readRecords(home).flatMap(({ record }) =>
    record.running === undefined
      ? []
      : [{ name: contextName(record.name), index: record.index, ...record.running }],
  );
  const path = sandboxKubeconfig(home);
  const [first] = known;
  if (first === undefined) {
    rmSync(path, { force: true });
    return;
  }
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": first.name,
    clusters: known.map(({ name, index, apiPort, ca }) => ({
      name,
      cluster: {
        server: `https://${addressPlan(index).node}:${apiPort}`,
        "certificate-authority-data": Buffer.from(ca).toString("base64"),
      },
    })),
    users: known.map(({ name, token }) => ({ name, user: { token } })),
    contexts: known.map(({ name }) => ({
      name,
      context: { cluster: name, user: name, namespace: "default" },
    })),
  };
  writeFileAtomic(path, stringify(config), 0o600);
}
