/** What HTTP listeners count beside connections; plain integers, read at scrape time. All only grow. */
export class HttpCounters {
  /** Final answers to clients by class: index 1 to 5. */
  readonly responses: number[] = [0, 0, 0, 0, 0, 0];
  retries = 0;
  /** Retries that were due and that the budget did not allow. */
  retriesOverBudget = 0;
  /** Requests that no endpoint was left for. */
  unavailable = 0;
  upgrades = 0;
  upstreamConnections = 0;
  upstreamReused = 0;
  /** Requests refused, and connections closed, by reason. */
  readonly refused = new Map<string, number>();

  refuse(reason: string): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }

  responded(status: number): void {
    const index = Math.trunc(status / 100);
    this.responses[index] = (this.responses[index] ?? 0) + 1;
  }
}
