/** One `--target`. */
export interface TargetFlag {
  readonly cluster: string;
  readonly weight?: number;
  readonly priority?: number;
}

/** Reads `cluster[=weight][@priority]`; what is wrong with it otherwise. */
export function parseTarget(text: string): TargetFlag | string {
  const [, cluster, weight, priority] = /^([^=@]+)(?:=(\d+))?(?:@(\d+))?$/.exec(text) ?? [];
  if (cluster === undefined) return 'Expected a form like "east", "east=3", "east@1" or "east=3@1"';
  return {
    cluster,
    ...(weight === undefined ? {} : { weight: Number(weight) }),
    ...(priority === undefined ? {} : { priority: Number(priority) }),
  };
}
