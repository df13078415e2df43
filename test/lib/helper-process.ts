/** A program of a test that runs beside it and reports by messages. */
export class HelperProcess<Message> implements AsyncDisposable {
  readonly #child: Bun.Subprocess;
  readonly #inbox: Message[] = [];
  #wake: (() => void) | undefined;
  #exited = false;

  /** `path` of the script, and its arguments; `prefix` are words in front of the command. */
  constructor(
    script: string | { readonly path: string; readonly prefix: readonly string[] },
    ...words: string[]
  ) {
    const { path, prefix } = typeof script === "string" ? { path: script, prefix: [] } : script;
    this.#child = Bun.spawn([...prefix, process.execPath, path, ...words], {
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (message: Message) => {
        this.#inbox.push(message);
        this.#wake?.();
      },
    });
    void this.#child.exited.then(() => {
      this.#exited = true;
      this.#wake?.();
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Resolves when the process has ended. */
  get exited(): Promise<unknown> {
    return this.#child.exited;
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  /** Sends it a message and waits for the answer. */
  async ask(message: string): Promise<Message> {
    this.#child.send(message);
    return this.next();
  }

  /** The next message. Throws when the process has ended. */
  async next(): Promise<Message> {
    for (;;) {
      const message = this.#inbox.shift();
      if (message !== undefined) return message;
      if (this.#exited) throw new Error("The helper process has ended");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
