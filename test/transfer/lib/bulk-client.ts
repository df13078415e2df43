/**
 * Reads floods for as long as it runs, as a process of its own so that it does not delay what the test measures. Says
 * how many bytes came, once all flow and whenever it is asked. Arguments: address, port, streams.
 */
import { WatchedClient } from "../../lib/watched-client.ts";

const [, , hostname = "", port = "", streams = "1"] = process.argv;
const clients = await Promise.all(
  Array.from({ length: Number(streams) }, async () => {
    const client = await WatchedClient.connect({ hostname, port: Number(port) });
    client.write("f");
    await client.untilReceived(1024 ** 2);
    return client;
  }),
);
const total = (): number => clients.reduce((sum, { received }) => sum + received, 0);
process.send?.({ received: total() });
process.on("message", () => process.send?.({ received: total() }));
