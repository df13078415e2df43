import { readlinkSync } from "node:fs";
import type { Place } from "./traffic-sites.ts";

/** What `Namespaces` needs on the machine; undefined when all is there, else what is missing. */
export function whyNoNamespaces(): string | undefined {
  if (process.getuid?.() !== 0) return "it needs root";
  for (const tool of ["unshare", "nsenter", "ip"]) {
    if (Bun.which(tool) === null) return `it needs ${tool}`;
  }
  const made = Bun.spawnSync(["unshare", "-n", "ip", "link", "add", "bridge0", "type", "bridge"]);
  return made.exitCode === 0 ? undefined : "the kernel has no network namespaces or bridges for it";
}

/**
 * Hosts in network namespaces of their own on one switch, for a process that itself runs in a fresh namespace
 * (`unshare -n`). They live as long as this object: nothing has a name outside of it.
 */
export class Namespaces implements Disposable {
  readonly #holders = new Map<string, Bun.Subprocess>();

  constructor() {
    run("ip", "link", "set", "lo", "up");
    run("ip", "link", "add", "switch", "type", "bridge");
    run("ip", "address", "add", "10.213.0.1/24", "dev", "switch");
    run("ip", "link", "set", "switch", "up");
  }

  /** A new host on the switch, with an address of its own. */
  host(name: string): Place {
    const index = this.#holders.size + 2;
    // Ends by itself should nobody be left to end it.
    const holder = Bun.spawn(["unshare", "-n", "sleep", "600"], { stdio: ["ignore", "ignore", "ignore"] });
    this.#holders.set(name, holder);
    untilApart(holder.pid);
    const prefix = ["nsenter", "-n", "-t", String(holder.pid)];
    const host = `10.213.0.${index}`;
    run(
      "ip",
      "link",
      "add",
      `to-${name}`,
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "address",
      macOf(index),
      "netns",
      String(holder.pid),
    );
    run("ip", "link", "set", `to-${name}`, "master", "switch", "up");
    run(...prefix, "ip", "link", "set", "lo", "up");
    run(...prefix, "ip", "address", "add", `${host}/24`, "dev", "eth0");
    run(...prefix, "ip", "link", "set", "eth0", "up");
    // An address that is not answered for would be an error that is told; what is tested is silence.
    for (let other = 2; other < 20; other++) {
      if (other !== index)
        run(
          ...prefix,
          "ip",
          "neighbour",
          "replace",
          `10.213.0.${other}`,
          "lladdr",
          macOf(other),
          "nud",
          "permanent",
          "dev",
          "eth0",
        );
    }
    return { host, prefix };
  }

  /** From now on every packet to and from it is dropped, and nobody is told. */
  silence(name: string): void {
    run("ip", "link", "set", `to-${name}`, "nomaster");
  }

  heal(name: string): void {
    run("ip", "link", "set", `to-${name}`, "master", "switch");
  }

  [Symbol.dispose](): void {
    for (const holder of this.#holders.values()) holder.kill("SIGKILL");
  }
}

function macOf(index: number): string {
  return `02:00:00:00:00:${index.toString(16).padStart(2, "0")}`;
}

function run(...command: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(command, { stdout: "ignore", stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
}

/** Waits until the process has a network namespace of its own. */
function untilApart(pid: number): void {
  const mine = readlinkSync("/proc/self/ns/net");
  for (let turn = 0; turn < 500; turn++) {
    if (readlinkSync(`/proc/${pid}/ns/net`) !== mine) return;
    Bun.sleepSync(2);
  }
  throw new Error("unshare did not make a namespace");
}
