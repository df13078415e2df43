import { parse } from "yaml";

const DIRECTORY = new URL("../../../deploy/monitoring/", import.meta.url);

export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleCase {
  readonly name: string;
  readonly alert_rule_test: readonly {
    readonly alertname: string;
    readonly exp_alerts?: readonly object[];
  }[];
}

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
}

export interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

export function monitoringFile(name: string): Promise<string> {
  return Bun.file(new URL(name, DIRECTORY)).text();
}

/** `spec` of the PrometheusRule: what Prometheus itself reads. */
export async function ruleSpec(): Promise<{ groups: { rules: Rule[] }[] }> {
  return (parse(await monitoringFile("rules.yaml")) as { spec: { groups: { rules: Rule[] }[] } }).spec;
}

export async function rules(): Promise<Rule[]> {
  return (await ruleSpec()).groups.flatMap((group) => group.rules);
}

export async function dashboard(): Promise<Dashboard> {
  return JSON.parse(await monitoringFile("dashboard.json")) as Dashboard;
}

/** Every query of the dashboard, with Grafana's variables replaced by what they may be. */
export async function queries(): Promise<{ readonly title: string; readonly expr: string }[]> {
  const { panels } = await dashboard();
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      title,
      expr: expr.replaceAll("$__rate_interval", "5m").replaceAll(/\$(namespace|service)/g, ".*"),
    })),
  );
}

const WORDS = new Set(
  "absent and avg by count histogram_quantile humanize increase le max min on or rate sum time unless vector without".split(
    " ",
  ),
);

/** Names of metrics in a query, and the labels that are asked of each. */
export function metricsOf(expr: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const plain = expr.replaceAll(/\b(?:by|without|on)\s*\([^)]*\)/g, " ");
  for (const [, name = "", inner = ""] of plain.matchAll(/\b([a-z_][a-z0-9_]*)\s*(?:\{([^}]*)\})?/g)) {
    if (WORDS.has(name) || (!name.includes("_") && name !== "up")) continue;
    const labels = found.get(name) ?? new Set<string>();
    found.set(name, labels);
    for (const [, label = ""] of inner.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)/g)) labels.add(label);
  }
  return found;
}
