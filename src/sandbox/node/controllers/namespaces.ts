import { KeyedQueue } from "../keyed-queue.ts";
import { keyOf } from "../store.ts";
import type { Controller, ControllerContext } from "./context.ts";

/** Gives every namespace its `default` ServiceAccount and the ConfigMap `kube-root-ca.crt` with the API server's CA. */
export function startNamespaceController(context: ControllerContext, options: { ca: string }): Controller {
  const { stores, clock } = context;
  const queue = new KeyedQueue({
    name: "namespace",
    clock,
    handle(key) {
      const name = key.slice(1);
      const namespace = stores.namespaces.get("", name);
      if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return;
      if (stores.serviceAccounts.get(name, "default") === undefined) {
        const metadata = { name: "default", namespace: name };
        stores.serviceAccounts.create({ apiVersion: "v1", kind: "ServiceAccount", metadata });
      }
      if (stores.configMaps.get(name, "kube-root-ca.crt") === undefined) {
        const metadata = { name: "kube-root-ca.crt", namespace: name };
        stores.configMaps.create({
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata,
          data: { "ca.crt": options.ca },
        });
      }
    },
  });
  stores.namespaces.onChange((_type, namespace) => queue.add(keyOf(namespace)));
  stores.serviceAccounts.onChange((type, { metadata }) => {
    if (type === "DELETED" && metadata.name === "default") queue.add(`/${metadata.namespace ?? ""}`);
  });
  stores.configMaps.onChange((type, { metadata }) => {
    if (type === "DELETED" && metadata.name === "kube-root-ca.crt") queue.add(`/${metadata.namespace ?? ""}`);
  });
  return queue;
}
