import { InvalidArgumentError, Option } from "commander";
import { parseDurationMs } from "#core/duration.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import type { Level } from "#core/log.ts";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly context?: string;
  readonly namespace?: string;
  readonly kubeconfig?: string;
}

export interface WaitOptions {
  /** `true`, `false` or a duration. */
  readonly wait?: string;
  readonly timeout?: number;
}

/**
 * `--wait` stands alone or takes its value after `=` only, as kubectl's switches do; so `--wait FILE` leaves FILE an
 * argument. Commander knows no such option, so the lone switch is completed before it looks.
 */
export function completeSwitches(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  return argv.map((word, index) => (word === "--wait" && (end === -1 || index < end) ? "--wait=true" : word));
}

export function waitOption(what: string, byDefault: boolean): Option {
  return new Option(
    "--wait [duration]",
    `wait until ${what} [${byDefault ? "on; --wait=false does not" : "off"}]`,
  ).argParser((value: string): string => {
    if (value !== "true" && value !== "false") duration(value);
    return value;
  });
}

export function timeoutOption(): Option {
  return new Option("--timeout <duration>", "how long to wait at most [2m]").argParser(duration);
}

/** How long to wait, ms; 0 is not at all. */
export function waitMs(options: WaitOptions, byDefault: boolean): number {
  const bound = options.timeout ?? 120_000;
  switch (options.wait) {
    case undefined:
      return byDefault ? bound : 0;
    case "true":
      return bound;
    case "false":
      return 0;
    default:
      return parseDurationMs(options.wait);
  }
}

export function outputOption(formats: readonly string[], text = "output format"): Option {
  return new Option("-o, --output <format>", text).choices(formats);
}

/** Formats of a command that writes: each prints the objects instead of applying them. */
export function dryOutputOption(): Option {
  return outputOption(["yaml", "json"], "print the objects instead of applying them");
}

/** Of commands that stay. */
export function logLevel(): Option {
  return new Option("--log-level <level>", "how much to log")
    .choices(["debug", "info", "warning", "error"] satisfies Level[])
    .default("info");
}

/** Parser of an option: a duration as ms. */
export function duration(text: string): number {
  try {
    return parseDurationMs(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}

/** Parser of an option: a whole number within bounds. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}`);
    }
    return value;
  };
}

/** Splits `deployment/web` into kind and name; short names as kubectl's. */
export function workloadOf(text: string): { kind: "Deployment" | "Service"; name: string } {
  const [kind, name, ...rest] = text.split("/");
  const known = KINDS[(kind ?? "").toLowerCase()];
  if (known === undefined || name === undefined || name === "" || rest.length > 0) {
    throw new IsthmusError("USAGE", `Cannot expose "${text}": expected deployment/NAME or service/NAME`, {
      hint: `isthmus expose deployment/${name ?? kind ?? "NAME"} --port 8080`,
    });
  }
  return { kind: known, name };
}

const KINDS: Readonly<Record<string, "Deployment" | "Service">> = {
  deployment: "Deployment",
  deployments: "Deployment",
  deploy: "Deployment",
  "deployments.apps": "Deployment",
  service: "Service",
  services: "Service",
  svc: "Service",
};
