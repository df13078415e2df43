import type { Balancer, PickContext } from "../selection/balancer.ts";
import { hash32 } from "../selection/hash.ts";

/** What `balancer.pick` is told of a TCP connection from `client` (`address:port`): only its address is known of it. */
export function clientContext(balancer: Balancer, client: string): PickContext | undefined {
  if (balancer.needs.kind !== "clientIp") return undefined;
  return { hash: hash32(client.slice(0, client.lastIndexOf(":"))) };
}
