import { IsthmusError } from "#core/errors.ts";
import type { Narrator } from "./narrator.ts";

export interface CommandsOptions {
  readonly narrator: Narrator;
  /** Words that start this program. */
  readonly isthmus: readonly string[];
  /** Path of kubectl; without it, `instead` does the same. */
  readonly kubectl: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** One command of the story. */
export interface Step {
  readonly program: "isthmus" | "kubectl";
  readonly words: readonly string[];
  /** Does the same without kubectl and gives what it would print. */
  readonly instead?: () => Promise<string>;
}

/** Runs the commands of the demo as a user would: each is printed, then started as a process of its own. */
export class Commands {
  readonly #options: CommandsOptions;

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  /** Prints and runs one command; gives what it wrote to standard output. Throws FAILED with its own words. */
  async run(step: Step): Promise<string> {
    this.#print(step);
    const output = await this.#options.narrator.during(workingOn(step), this.#perform(step));
    this.#options.narrator.output(output);
    return output;
  }

  /** Runs commands that do not depend on each other side by side; printed in their order. */
  async runAll(steps: readonly Step[]): Promise<void> {
    const running = steps.map((step) => ({ step, result: this.#perform(step) }));
    // Whoever fails first is told about in its turn below.
    for (const { result } of running) result.catch(() => {});
    const { narrator } = this.#options;
    for (const { step, result } of running) {
      this.#print(step);
      // oxlint-disable-next-line no-await-in-loop -- told in order
      narrator.output(await narrator.during(workingOn(step), result));
    }
  }

  #print({ program, words }: Step): void {
    this.#options.narrator.command([program, ...words].map(shellWord).join(" "));
  }

  async #perform(step: Step): Promise<string> {
    const { signal, isthmus, kubectl } = this.#options;
    signal.throwIfAborted();
    if (step.program === "isthmus") return this.#spawn([...isthmus, ...step.words], step);
    if (kubectl !== undefined) return this.#spawn([kubectl, ...step.words], step);
    if (step.instead === undefined)
      throw new IsthmusError("INTERNAL", `No way to do without kubectl: ${step.words.join(" ")}`);
    return step.instead();
  }

  async #spawn(words: readonly string[], step: Step): Promise<string> {
    const { signal, env } = this.#options;
    const child = Bun.spawn([...words], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe", signal });
    const [output, errors, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    signal.throwIfAborted();
    if (code === 0) return output;
    const lines = errors.trim().split("\n");
    const said =
      lines.findLast((line) => line.startsWith("error: "))?.slice("error: ".length) ?? lines.at(-1) ?? "";
    const hint = lines.findLast((line) => line.startsWith("hint: "))?.slice("hint: ".length);
    const command = [step.program, ...step.words].map(shellWord).join(" ");
    throw new IsthmusError(
      "FAILED",
      `"${command}" failed${said === "" ? ` with exit code ${code}` : `: ${said}`}`,
      {
        hint: hint ?? `Try it yourself: ${command}`,
      },
    );
  }
}

function workingOn({ program, words }: Step): string {
  return `${program} ${words[0] ?? ""}`;
}

/** The word as a shell needs it written. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
