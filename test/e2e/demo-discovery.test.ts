import { expect, test } from "bun:test";
import { played } from "./lib/played.ts";
import { Playground } from "./lib/playground.ts";

const missing = ["kubectl", "curl", "dig"].filter((tool) => Bun.which(tool) === null);
if (missing.length > 0)
  console.log(`notice: ${missing.join(", ")} not installed, the demo of discovery is not played`);

test.skipIf(missing.length > 0)(
  "the demo plays discovery over two clusters as promised, and leaves nothing behind with --exit",
  async () => {
    await using playground = new Playground();
    const { steps, said, stderr } = await played(playground, "discovery");
    expect(steps).toBe(9);
    expect(said("always lands")).toBe("20 requests: cluster-a 20");
    expect(said("scaled to zero")).toBe("20 requests: cluster-b 20");
    expect(said("A prefix")).toBe("cluster-a 20; cluster-b 20");
    expect(said("SRV")).toContain("0 100 8080 cluster-b.nginx.nginx-test.svc.clusterset.local.");
    expect(said("Pods by name")).toEndWith("web-0.cluster-a and web-0.cluster-b reach their pods");
    expect(said("disconnected")).toEndWith("cluster-a 20");
    expect(stderr).toContain(
      "$ kubectl exec deployment/client --context sandbox-cluster-a -n nginx-test -- sh -c",
    );
    expect(stderr).toContain('"GET / HTTP/1.1" 200');
  },
  240_000,
);
