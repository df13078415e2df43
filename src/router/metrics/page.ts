export type Labels = Readonly<Record<string, string | number>>;
export type Sample = readonly [labels: Labels, value: number];

interface Histogram {
  readonly labels: Labels;
  /** Not cumulative; one more than there are bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** A page of Prometheus' text exposition (format 0.0.4). A family without samples is left out. */
export class Page {
  text = "";

  counter(name: string, help: string, samples: readonly Sample[]): void {
    this.#family(name, { type: "counter", help, samples });
  }

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    this.#family(name, { type: "gauge", help, samples });
  }

  /** `bounds` are upper ones, in the unit of the name. */
  histogram(
    name: string,
    {
      help,
      bounds,
      samples,
    }: { readonly help: string; readonly bounds: readonly number[]; readonly samples: Iterable<Histogram> },
  ): void {
    let lines = "";
    for (const { labels, counts, sum } of samples) {
      const inner = innerOf(labels);
      const and = inner === "" ? "" : ",";
      let all = 0;
      for (const [index, count] of counts.entries()) {
        all += count;
        lines += `${name}_bucket{${inner}${and}le="${bounds[index] ?? "+Inf"}"} ${all}\n`;
      }
      const braces = inner === "" ? "" : `{${inner}}`;
      lines += `${name}_sum${braces} ${sum}\n${name}_count${braces} ${all}\n`;
    }
    if (lines !== "") this.text += `${headOf(name, { type: "histogram", help })}${lines}`;
  }

  #family(
    name: string,
    { type, help, samples }: { type: string; help: string; samples: readonly Sample[] },
  ): void {
    if (samples.length === 0) return;
    let lines = headOf(name, { type, help });
    for (const [labels, value] of samples) {
      const inner = innerOf(labels);
      lines += `${name}${inner === "" ? "" : `{${inner}}`} ${value}\n`;
    }
    this.text += lines;
  }
}

function headOf(name: string, { type, help }: { readonly type: string; readonly help: string }): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function innerOf(labels: Labels): string {
  let inner = "";
  for (const name in labels) inner += `${inner === "" ? "" : ","}${name}="${escape(String(labels[name]))}"`;
  return inner;
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
