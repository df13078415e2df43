import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RESOURCES } from "#api/resources.ts";
import { KubeClient } from "#kube/client.ts";
import { loadKubeconfig } from "#kube/kubeconfig.ts";
import { POD_MARKER, sandboxKubeconfig } from "./home.ts";
import { killPod } from "./kill-pod.ts";
import { down, up } from "./manage.ts";
import { findMarked } from "./node/kubelet/proc.ts";
import type { Pod } from "./node/types.ts";

const root = mkdtempSync(join(tmpdir(), "isthmus-kill-"));
const home = join(root, "sandbox");
const program = [process.execPath, new URL("../bin/isthmus.ts", import.meta.url).pathname];

beforeAll(async () => {
  await up(["k1"], { home, program });
}, 60_000);

afterAll(async () => {
  await down(undefined, { home });
  rmSync(root, { recursive: true, force: true });
}, 60_000);

test("A killed pod keeps its object and its address, and its kubelet starts it again", async () => {
  const client = new KubeClient(loadKubeconfig({ path: sandboxKubeconfig(home), context: "sandbox-k1" }));
  const ref = { namespace: "default", name: "victim" };
  const until = async (check: (pod: Pod) => boolean): Promise<Pod> => {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- asked until it is so; the test's own time bounds it
      const pod = (await client.get(RESOURCES.pods, ref)) as unknown as Pod;
      if (check(pod)) return pod;
      // oxlint-disable-next-line no-await-in-loop
      await Bun.sleep(20);
    }
  };
  await client.create(RESOURCES.pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: ref,
    spec: {
      // Two processes, the second in a session that is its own.
      containers: [
        { name: "main", image: "any", command: ["sh", "-c", "setsid sleep 1000 & exec sleep 1000"] },
      ],
    },
  });
  const processes = ({ metadata }: Pod): number =>
    findMarked(POD_MARKER, (value) => value === join(home, "k1", metadata.uid ?? "")).length;
  const before = await until(
    (pod) => pod.status?.containerStatuses?.[0]?.ready === true && processes(pod) === 2,
  );

  await expect(killPod({ home, cluster: "k1", namespace: "default", pod: "victim" })).resolves.toBe(2);

  const after = await until(
    ({ status }) =>
      status?.containerStatuses?.[0]?.restartCount === 1 &&
      status.containerStatuses[0].state.running !== undefined,
  );
  expect(after.metadata.uid).toBe(before.metadata.uid ?? "");
  expect(after.status?.podIP).toBe(before.status?.podIP ?? "");
  expect(after.status?.containerStatuses?.[0]?.lastState.terminated).toMatchObject({
    exitCode: 137,
    signal: 9,
  });
}, 60_000);

test("A pod or a cluster that is not there is said so", async () => {
  const missing = { home, cluster: "k1", namespace: "default", pod: "nobody" };
  expect(await killPod(missing).catch((error: unknown) => error)).toMatchObject({ code: "NOT_FOUND" });
  expect(await killPod({ ...missing, cluster: "k9" }).catch((error: unknown) => error)).toMatchObject({
    code: "NOT_FOUND",
    message: 'There is no sandbox cluster "k9"',
  });
});
