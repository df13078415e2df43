import { HelperProcess } from "./helper-process.ts";
import type { PodMode } from "./pod-server.ts";

/** What a pod says of itself. */
export interface PodReport {
  readonly name: string;
  readonly port: number;
  readonly requests: number;
  readonly connections: number;
  readonly inFlight: number;
  /** How often each `x-id` came. */
  readonly ids: readonly (readonly [id: string, times: number])[];
}

export interface PodMessage {
  readonly pods: readonly PodReport[];
}

/** `pod` absent: all of the process. */
export type PodOrder = { readonly pod?: string | undefined } & (
  | { readonly do: "mode"; readonly mode: PodMode }
  | { readonly do: "report" }
  | { readonly do: "end" }
);

/** A pod as a router's configuration has it. */
export interface Pod {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly ready?: boolean;
  readonly weight?: number;
}

const SCRIPT = new URL("pod-process.ts", import.meta.url).pathname;

/** Pods that live and die together, in a process of their own. */
export class Pods extends HelperProcess<PodMessage> {
  readonly #host: string;
  #pods: readonly Pod[] = [];

  private constructor(host: string, names: readonly string[], prefix: readonly string[]) {
    super({ path: SCRIPT, prefix }, host, ...names);
    this.#host = host;
  }

  /** `prefix`: words in front of the command. */
  static async start(
    names: readonly string[],
    { host = "127.0.0.1", prefix = [] }: { readonly host?: string; readonly prefix?: readonly string[] } = {},
  ): Promise<Pods> {
    const pods = new Pods(host, names, prefix);
    const { pods: reports } = await pods.next();
    pods.#pods = reports.map(({ name, port }) => ({ name, host: pods.#host, port }));
    return pods;
  }

  /** In the order of their names at the start. */
  get all(): readonly Pod[] {
    return this.#pods;
  }

  get first(): Pod {
    const [first] = this.#pods;
    if (first === undefined) throw new Error("There is no pod");
    return first;
  }

  async setMode(mode: PodMode, pod?: string): Promise<void> {
    await this.#order({ do: "mode", mode, pod });
  }

  async report(): Promise<readonly PodReport[]> {
    return this.#order({ do: "report" });
  }

  /** Ends as a pod does that is told to: what is in flight is answered; resolves when the process has ended so. */
  async end(): Promise<void> {
    await this.#order({ do: "end" });
    await this.exited;
  }

  async #order(order: PodOrder): Promise<readonly PodReport[]> {
    return (await this.ask(JSON.stringify(order))).pods;
  }
}
