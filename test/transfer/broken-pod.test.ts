import { expect, test } from "bun:test";
import { HelperProcess } from "../lib/helper-process.ts";
import { RouterNetwork } from "../lib/router-network.ts";
import { WatchedClient } from "../lib/watched-client.ts";

/** A write of the router may meet the RST before a read does, so once is not enough. */
const TIMES = 60;

test("a pod that resets a connection while it is sent to resets the client, and never ends it cleanly", async () => {
  await using backend = new HelperProcess<{ port: number }>(
    new URL("lib/flood-backend.ts", import.meta.url).pathname,
  );
  await using routers = await RouterNetwork.start({ backendPort: (await backend.next()).port });
  const ways = { reset: 0, clean: 0, other: 0 };
  for (let time = 0; time < TIMES; time++) {
    using client = await WatchedClient.connect(routers.entrance);
    client.write("r");
    await client.untilReceived(1);
    const upload = setInterval(() => client.write(BLOCK), 1);
    const { how } = await client.ending;
    clearInterval(upload);
    ways[how]++;
  }
  expect(ways).toEqual({ reset: TIMES, clean: 0, other: 0 });
}, 60_000);

const BLOCK = new Uint8Array(64 * 1024);
