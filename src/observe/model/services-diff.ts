import type { ServiceRow, ServicesUpdate, ServicesView } from "../views.ts";

/** What changed from one view to the next; undefined when nothing did. Rows are compared by their JSON. */
export class ServicesDiff {
  #rows = new Map<string, string>();

  next({ atMs, services }: ServicesView): ServicesUpdate | undefined {
    const before = this.#rows;
    const rows = new Map<string, string>();
    const changed: ServiceRow[] = [];
    for (const row of services) {
      const text = JSON.stringify(row);
      rows.set(row.service, text);
      if (before.get(row.service) !== text) changed.push(row);
    }
    const removed = [...before.keys()].filter((service) => !rows.has(service));
    this.#rows = rows;
    return changed.length === 0 && removed.length === 0 ? undefined : { atMs, changed, removed };
  }
}
