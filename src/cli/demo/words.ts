import type { Style } from "../output/style.ts";
import { formatTable } from "../output/table.ts";
import { CLIENT_CLUSTER, contextOf, NAMESPACE } from "./places.ts";
import type { Played } from "./play.ts";
import { isOk } from "./report.ts";

/** All scenarios in one table, and how fast a new pod is found. */
export function summary({ results, readyToFirstMs }: Played, style: Style): string {
  const rows = results.map((result) => {
    const [many, one] = result.columns;
    return [
      isOk(result) ? style.good("✓") : style.bad("✗"),
      result.scenario.name,
      String(many.load.requests + one.load.requests),
      String(many.load.failed + one.load.failed),
    ];
  });
  const fastest = readyToFirstMs.map((ms) => `${ms.toFixed(0)} ms`).join(", ");
  return [
    "",
    style.bold("Summary"),
    "",
    formatTable(["OK", "SCENARIO", "REQUESTS", "FAILED"], rows),
    ...(fastest === "" ? [] : [`Pod ready to first request from another cluster: ${fastest}`, ""]),
  ].join("\n");
}

/** What to do with the clusters that stay. */
export function farewell(style: Style): string {
  const place = `--context ${contextOf(CLIENT_CLUSTER)} -n ${NAMESPACE}`;
  const commands: [string, string][] = [
    [`isthmus network status ${place}`, "the network with its pods"],
    [`isthmus status ${place}`, "this site, its links and services"],
    ["export KUBECONFIG=$(isthmus sandbox kubeconfig)", "for kubectl"],
    [`kubectl get pods,services,sites,links ${place}`, "what was made"],
    ["isthmus sandbox down", "take everything down"],
  ];
  const width = Math.max(...commands.map(([command]) => command.length)) + 3;
  return [
    "",
    style.bold("The clusters stay. Look around:"),
    "",
    ...commands.map(([command, what]) => `${style.accent("$")} ${command.padEnd(width)}${style.dim(what)}`),
  ].join("\n");
}
