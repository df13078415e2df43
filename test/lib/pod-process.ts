/** Pods in a process of their own: `pod-process.ts HOST NAME...`. Tells the ports, then does what messages say. */
import type { PodMessage, PodOrder } from "./pods.ts";
import { PodServer } from "./pod-server.ts";

const [hostname = "127.0.0.1", ...names] = process.argv.slice(2);
const pods = new Map(names.map((name) => [name, new PodServer(name, hostname)]));

function tell(message: PodMessage): void {
  process.send?.(message);
}

async function obey(order: PodOrder): Promise<void> {
  const chosen = [...pods.values()].filter(({ name }) => order.pod === undefined || order.pod === name);
  if (order.do === "mode") for (const pod of chosen) pod.mode = order.mode;
  if (order.do === "end") {
    await Promise.all(chosen.map((pod) => pod.end()));
    tell({ pods: [] });
    process.exit(0);
  }
  tell({
    pods: chosen.map(({ name, port, requests, connections, inFlight, ids }) => ({
      name,
      port,
      requests,
      connections,
      inFlight,
      ids: order.do === "report" ? [...ids] : [],
    })),
  });
}

// Nobody is there any more to end it.
process.on("disconnect", () => process.exit(0));
process.on("message", (text: string) => void obey(JSON.parse(text) as PodOrder));
tell({
  pods: [...pods.values()].map(({ name, port }) => ({
    name,
    port,
    requests: 0,
    connections: 0,
    inFlight: 0,
    ids: [],
  })),
});
