/** What can come first in `isthmus top`. */
export const SORTS = ["rps", "name", "success", "p99", "bytes"] as const;
export type Sort = (typeof SORTS)[number];
