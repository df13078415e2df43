import type { Socket } from "bun";
import { type Pod, Pods } from "./pods.ts";

/** More than any backlog that a pod's listener has here. */
const FILLERS = 700;

/**
 * A pod that answers nothing at all: its process is stopped and the backlog of its listener full, so the kernel drops
 * each SYN. Needs no privileges.
 */
export class Blackhole implements AsyncDisposable {
  readonly #pods: Pods;
  readonly #fillers: Socket[] = [];

  private constructor(pods: Pods) {
    this.#pods = pods;
  }

  static async start(name: string): Promise<Blackhole> {
    const hole = new Blackhole(await Pods.start([name]));
    try {
      await hole.#close();
    } catch (error) {
      await hole[Symbol.asyncDispose]();
      throw error;
    }
    return hole;
  }

  get pod(): Pod {
    return this.#pods.first;
  }

  async #close(): Promise<void> {
    process.kill(this.#pods.pid, "SIGSTOP");
    for (let turn = 0; turn < 3; turn++) {
      for (let i = 0; i < FILLERS / 2; i++) void this.#connect().catch(() => undefined);
      await Bun.sleep(200);
    }
    const open = await Promise.race([this.#connect().then(() => true), Bun.sleep(500).then(() => false)]);
    if (open) throw new Error("The backlog is not full");
  }

  async #connect(): Promise<void> {
    const { host: hostname, port } = this.pod;
    this.#fillers.push(await Bun.connect({ hostname, port, socket: { data() {}, error() {} } }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pods.kill();
    for (const socket of this.#fillers) socket.terminate();
  }
}
