import { hostname } from "node:os";
import { systemClock } from "#core/clock.ts";
import { IsthmusError } from "#core/errors.ts";
import { untilSignal } from "#core/lifecycle.ts";
import { logFor } from "#core/log.ts";
import { systemRandom } from "#core/random.ts";
import { KubeClient } from "#kube/client.ts";
import { inCluster } from "#kube/in-cluster.ts";
import { startControllerAdmin } from "./controller-admin.ts";
import { RequestCounts } from "./controller-metrics.ts";
import { SiteController } from "./controller.ts";
import { ADMIN_PORT, LEASE } from "./names.ts";
import { freeStaleLease } from "./stale-lease.ts";

export interface RunOptions {
  /** [the namespace of the pod's service account] */
  readonly namespace?: string;
  /** [process.env] */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const STOP_MS = 10_000;

/**
 * Runs the site controller in a pod until SIGINT or SIGTERM; returns the exit code. Reads from the environment: POD_NAME, POD_IP
 * (where it listens), HOST_IP (node address for NodePort), ISTHMUS_IMAGE (image of the routers).
 */
export async function runController(options: RunOptions = {}): Promise<number> {
  const env = options.env ?? process.env;
  const log = logFor("site");
  const signal = untilSignal();
  const connection = inCluster(env);
  const image = env["ISTHMUS_IMAGE"];
  if (image === undefined || image === "") {
    throw new IsthmusError(
      "INVALID",
      "ISTHMUS_IMAGE is not set: expected the image that routers are started from",
      {
        hint: "isthmus init",
      },
    );
  }
  const requests = new RequestCounts();
  const client = new KubeClient(connection, { onRequest: requests.count });
  const namespace = options.namespace ?? connection.namespace;
  const pod = env["POD_NAME"];
  if (pod !== undefined && pod !== "") await freeStaleLease(client, { namespace, name: LEASE, pod });
  const controller = new SiteController({
    client,
    namespace,
    name: pod || hostname(),
    image,
    hostname: env["POD_IP"] || "0.0.0.0",
    nodeHost: env["HOST_IP"],
    clock: systemClock,
    random: systemRandom,
  });
  const admin = startControllerAdmin({
    hostname: env["POD_IP"] || "0.0.0.0",
    port: ADMIN_PORT,
    stats: () => controller.stats(),
    requests,
  });
  const started = controller.start();
  started.catch(() => {});
  const ended = await Promise.race([signal, started.then(() => signal)]);
  log.info("Stopping", { signal: ended });
  admin?.stop();
  // A stop that hangs must not outlive the grace period of the pod.
  await Promise.race([
    controller.stop(),
    new Promise<void>((resolve) => systemClock.after(STOP_MS, resolve)),
  ]);
  return 0;
}
