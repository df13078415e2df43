import { systemClock } from "#core/clock.ts";
import { systemRandom } from "#core/random.ts";
import type { RouterConfig, ServiceConfig } from "../config.ts";
import { Router, type RouterOptions } from "../router.ts";
import { tlsTransport } from "../network/tls-transport.ts";
import { EchoBackend } from "./backend.ts";
import { TestClient } from "./client.ts";

/** Everything of a test, stopped together also when it fails. */
export class Rig implements Disposable {
  readonly #stops: (() => void)[] = [];

  [Symbol.dispose](): void {
    for (const stop of this.#stops.splice(0).toReversed()) stop();
  }

  defer(stop: () => void): void {
    this.#stops.push(stop);
  }

  backend(name = "", options: { readonly port?: number } = {}): EchoBackend {
    const backend = new EchoBackend(name, options);
    this.defer(() => backend.stop());
    return backend;
  }

  router(config: RouterConfig, options: Partial<RouterOptions> = {}): Router {
    const router = new Router({
      config,
      transport: tlsTransport(),
      clock: systemClock,
      random: systemRandom,
      env: {},
      hostname: "router-0",
      version: "test",
      ...options,
    });
    this.defer(() => router.stop());
    router.start();
    return router;
  }

  async client(port: number): Promise<TestClient> {
    const client = await TestClient.connect(port);
    this.defer(() => client.reset());
    return client;
  }
}

export const SERVICE = "default/app";

/** A service on port 8080 with the given pods. */
export function service(
  pods: readonly { readonly port: number; readonly ready?: boolean; readonly id?: string }[],
  key = SERVICE,
): ServiceConfig {
  return {
    service: key,
    ports: [{ port: 8080, protocol: "TCP" }],
    endpoints: pods.map(({ port, ready, id }, index) => ({
      id: id ?? `pod-${index}`,
      name: id ?? `pod-${index}`,
      host: "127.0.0.1",
      ports: { "8080": port },
      ready: ready ?? true,
    })),
  };
}

export function listener(key = SERVICE): NonNullable<RouterConfig["listeners"]>[number] {
  return { service: key, port: 8080, listen: "127.0.0.1:0" };
}

/** The port of a router's n-th listener. */
export function listenPort(router: Router, index = 0): number {
  return Number(router.state().listeners[index]?.listen.split(":").at(-1));
}

/** Resolves when `met` holds, looked at each 5 ms. */
export async function eventually(met: () => boolean, timeoutMs = 5000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!met()) {
    if (performance.now() > end) throw new Error(`Not met in ${timeoutMs} ms: ${met.toString()}`);
    await Bun.sleep(5);
  }
}
