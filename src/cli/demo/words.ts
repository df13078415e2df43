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
  const commands = [
    ["The network with its links, services and pods", `isthmus network status ${place}`],
    ["One site on one screen", `isthmus status ${place}`],
    ["All that was made, with kubectl", "export KUBECONFIG=$(isthmus sandbox kubeconfig)"],
    [undefined, `kubectl get pods,services,sites,links ${place}`],
    ["The end of it all", "isthmus sandbox down"],
  ] as const;
  return [
    "",
    style.bold("The clusters stay. Look around:"),
    "",
    ...commands.flatMap(([what, command]) => [
      ...(what === undefined ? [] : [style.dim(`# ${what}`)]),
      `${style.accent("$")} ${command}`,
    ]),
  ].join("\n");
}
