import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import type { RouterConfig } from "#router/config.ts";
import type { ControlMaterial } from "./routers/control-secret.ts";
import { type ConnectedRouter, ControlServer } from "./routers/control-server.ts";
import { type JoinAuthority, type JoinServer, startJoinServer } from "./join/join-server.ts";

export interface ServersOptions {
  readonly hostname: string;
  readonly joinPort: number;
  readonly controlPort: number;
  readonly authority: JoinAuthority;
  readonly clock: Clock;
  readonly onChange: (what: "routers" | "state") => void;
}

const RETRY_MS = 1000;
const log = logFor("site", "servers");

/**
 * The two servers of the controller, which live as long as there is material for them (Secret isthmus-control). New material means
 * new servers; routers and joiners come back by themselves. An address that is in use is tried again each second.
 */
export class Servers {
  readonly #options: ServersOptions;
  #mark = "";
  #control: ControlServer | undefined;
  #join: JoinServer | undefined;
  #config: RouterConfig | undefined;
  #chain: Promise<void> = Promise.resolve();
  #stopped = false;
  #cancelRetry = (): void => {};

  constructor(options: ServersOptions) {
    this.#options = options;
  }

  /** Ports as they are bound; undefined while a server does not run. */
  get ports(): { readonly control: number | undefined; readonly join: number | undefined } {
    return { control: this.#control?.port, join: this.#join?.port };
  }

  get generation(): number {
    return this.#control?.generation ?? 0;
  }

  /** Routers that are connected here, the one with the oldest news first. */
  routers(): ConnectedRouter[] {
    return this.#control?.routers() ?? [];
  }

  /** Says whether the configuration was new. */
  setConfig(config: RouterConfig): boolean {
    this.#config = config;
    return this.#control?.setConfig(config) ?? false;
  }

  /** Sends the routers away, to another replica. */
  sendAway(reason: string): void {
    this.#control?.sendAway(reason);
  }

  update(material: ControlMaterial | undefined): void {
    const mark = JSON.stringify(material ?? null);
    if (mark === this.#mark || this.#stopped) return;
    this.#mark = mark;
    this.#chain = this.#chain.then(() => this.#replace(material));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry();
    await this.#chain;
    await this.#close();
  }

  async #replace(material: ControlMaterial | undefined): Promise<void> {
    this.#cancelRetry();
    await this.#close();
    if (material === undefined || this.#stopped) return;
    const { hostname, joinPort, controlPort, authority, clock, onChange } = this.#options;
    try {
      const { token, control, join } = material;
      this.#control = new ControlServer({
        hostname,
        port: controlPort,
        tls: control,
        token,
        clock,
        onChange,
      });
      if (this.#config !== undefined) this.#control.setConfig(this.#config);
      this.#join = startJoinServer({ hostname, port: joinPort, tls: join, authority, clock });
      log.info("Serving", { hostname, ...this.ports });
    } catch (error) {
      log.error("Cannot serve, trying again", { hostname, joinPort, controlPort, error: messageOf(error) });
      await this.#close();
      this.#cancelRetry = clock.after(RETRY_MS, () => {
        this.#chain = this.#chain.then(() => this.#replace(material));
      });
    }
  }

  async #close(): Promise<void> {
    const [control, join] = [this.#control, this.#join];
    this.#control = undefined;
    this.#join = undefined;
    await Promise.all([control?.close(), join?.close()]);
  }
}
