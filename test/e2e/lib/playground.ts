import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = new URL("../../..", import.meta.url).pathname;

/** Words that start the program from this checkout. */
const PROGRAM = [process.execPath, join(ROOT, "src/bin/isthmus.ts")];

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A home of its own in a temporary directory, for clusters that no other test sees. Disposing ends everything that was
 * started from it, found by the home's path in the environment of the processes.
 */
export class Playground {
  readonly home = mkdtempSync(join(tmpdir(), "isthmus-e2e-"));

  /** A file in the home. */
  file(name: string): string {
    return join(this.home, name);
  }

  start(words: readonly string[]): Bun.Subprocess<"ignore", "pipe", "pipe"> {
    return Bun.spawn([...PROGRAM, ...words], {
      cwd: this.home,
      env: { ...process.env, ISTHMUS_HOME: this.home, NO_COLOR: "1" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  async run(...words: string[]): Promise<Finished> {
    const child = this.start(words);
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { code, stdout, stderr };
  }

  /** Runs what has to succeed; gives its standard output. */
  async must(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...words);
    if (code !== 0) throw new Error(`isthmus ${words.join(" ")}: exit code ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Processes that carry this home in their environment, this one left out. */
  processes(): number[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .map(Number)
      .filter((pid) => environmentOf(pid).includes(this.home) && !isZombie(pid));
  }

  /** Waits until no process is left; gives those that stay. */
  async leftovers(timeoutMs = 5000): Promise<number[]> {
    const endMs = Date.now() + timeoutMs;
    for (;;) {
      const left = this.processes();
      if (left.length === 0 || Date.now() > endMs) return left;
      await Bun.sleep(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run("sandbox", "down");
    for (const pid of this.processes()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended by itself.
      }
    }
    await this.leftovers();
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Waits until the program has said this on its standard output, and goes on reading what it says after it. */
export async function hears(
  child: { readonly stdout: ReadableStream<Uint8Array>; readonly exited: Promise<number> },
  text: string,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const listen = async (): Promise<void> => {
    const decoder = new TextDecoder();
    let said = "";
    for await (const chunk of child.stdout) {
      said += decoder.decode(chunk, { stream: true });
      if (said.includes(text)) resolve();
    }
    reject(new Error(`The program ended before it said "${text}":\n${said}`));
  };
  listen().catch(reject);
  await promise;
}

/** One line `error: …`, one line `hint: …` with the next command, no stack, exit code not 0. */
export function complaintOf({ code, stderr }: Finished): { error: string; hint: string } {
  const lines = stderr.trimEnd().split("\n");
  const errors = lines.filter((line) => line.startsWith("error: "));
  const at = lines.findIndex((line) => line.startsWith("error: "));
  const hint = lines[at + 1] ?? "";
  const rest = lines.slice(at + 2);
  if (code === 0 || errors.length !== 1 || !hint.startsWith("hint: ") || rest.length > 0) {
    throw new Error(`Expected one error line and one hint, got exit code ${code} and:\n${stderr}`);
  }
  return { error: (errors[0] ?? "").slice("error: ".length), hint: hint.slice("hint: ".length) };
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return "";
  }
}

function isZombie(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return true;
  }
}
