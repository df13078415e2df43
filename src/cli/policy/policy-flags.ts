import { type Command, InvalidArgumentError, Option } from "commander";
import { duration, integer } from "../flags.ts";

/** The finer options of `policy set`; each is named like the field that it sets. */
export interface PolicyFlags {
  readonly minHealthy?: number;
  readonly ramp?: string;
  readonly failback?: "Auto" | "Manual";
  /** `ClientIP`, `Header=NAME`, `Cookie=NAME`. */
  readonly hash?: NamedFlag;
  readonly hashTtl?: string;
  readonly retries?: number;
  readonly retryBudget?: number;
  readonly timeoutConnect?: string;
  readonly timeoutRequest?: string;
  readonly timeoutIdle?: string;
  readonly timeoutKeepAlive?: string;
  /** False with --no-outlier. */
  readonly outlier: boolean;
  readonly outlierFailures?: number;
  readonly outlierServerErrors?: boolean;
  readonly outlierEjection?: string;
  readonly outlierMaxEjection?: string;
  readonly outlierMaxPercent?: number;
  readonly health?: NamedFlag;
  readonly healthPort?: number;
  readonly healthInterval?: string;
  readonly healthTimeout?: string;
  readonly healthRise?: number;
  readonly healthFall?: number;
  readonly affinity?: NamedFlag;
  readonly affinityTimeout?: string;
}

/** `Word` or `Word=name`. */
export interface NamedFlag {
  readonly word: string;
  readonly name?: string;
}

export function registerPolicyFlags(command: Command): void {
  const percent = integer(0, 100);
  const count = integer(1, 1000);
  command
    .option("--min-healthy <percent>", "leave a tier when less of it is healthy [1: any]", integer(1, 100))
    .option("--ramp <duration>", "how long the way back to a better tier takes [10s]", span)
    .addOption(
      new Option("--failback <how>", "go back to a better tier by itself, or when told [Auto]").choices([
        "Auto",
        "Manual",
      ]),
    )
    .option(
      "--hash <source>",
      "ClientIP, Header=NAME or Cookie=NAME: the same goes to the same endpoint",
      named({ ClientIP: "none", Header: "needed", Cookie: "needed" }),
    )
    .option("--hash-ttl <duration>", "life of a cookie that is set for it", span)
    .option("--retries <n>", "further endpoints after the first [2]", integer(0, 10))
    .option("--retry-budget <percent>", "retries of what reached an endpoint, of all requests [20]", percent)
    .option("--timeout-connect <duration>", "to be connected [1s]", span)
    .option("--timeout-request <duration>", "for a whole HTTP request [none]", span)
    .option("--timeout-idle <duration>", "for a silent TCP connection [5m]", span)
    .option("--timeout-keep-alive <duration>", "for an HTTP connection between requests [60s]", span)
    .option("--no-outlier", "leave no endpoint out for failing")
    .option("--outlier-failures <n>", "failures in a row before an endpoint is left out [5]", count)
    .option("--outlier-server-errors", "5xx answers are failures, too")
    .option("--outlier-ejection <duration>", "how long the first time, doubled each time [1s]", span)
    .option("--outlier-max-ejection <duration>", "how long at most [60s]", span)
    .option("--outlier-max-percent <percent>", "never more of a tier [50]", percent)
    .option(
      "--health <probe>",
      "HTTP[=/path], TCP or GRPC[=service]: probe the endpoints of this cluster [off]",
      named({ HTTP: "possible", TCP: "none", GRPC: "possible" }),
    )
    .option("--health-port <n>", "port of the service to probe [its first]", integer(1, 65_535))
    .option("--health-interval <duration>", "time between probes [2s]", span)
    .option("--health-timeout <duration>", "how long an answer may take [1s]", span)
    .option("--health-rise <n>", "good answers before it is healthy [2]", integer(1, 100))
    .option("--health-fall <n>", "failures before it is unhealthy [3]", integer(1, 100))
    .option(
      "--affinity <type>",
      "ClientIP or Cookie[=NAME]: a client stays where it was [as the Service says]",
      named({ ClientIP: "none", Cookie: "possible" }),
    )
    .option("--affinity-timeout <duration>", "how long after its last request", span);
}

/** A duration, kept as it was typed: that is how the policy has it. */
function span(text: string): string {
  duration(text);
  return text;
}

function named(words: Readonly<Record<string, "none" | "possible" | "needed">>): (text: string) => NamedFlag {
  return (text) => {
    const at = text.indexOf("=");
    const word = at === -1 ? text : text.slice(0, at);
    const name = at === -1 ? undefined : text.slice(at + 1);
    const rule = Object.hasOwn(words, word) ? words[word] : undefined;
    const wrong =
      rule === undefined || name === "" || (name === undefined ? rule === "needed" : rule === "none");
    if (wrong) {
      const forms = Object.entries(words).map(([one, need]) =>
        need === "none" ? one : need === "needed" ? `${one}=NAME` : `${one}[=NAME]`,
      );
      throw new InvalidArgumentError(`Expected ${forms.join(", ")}`);
    }
    return name === undefined ? { word } : { word, name };
  };
}
