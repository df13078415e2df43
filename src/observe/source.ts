/** What a router said. `value` is its JSON; undefined when the answer was none. */
export interface RouterAnswer {
  readonly status: number;
  readonly value: unknown;
}

export interface RouterRequest {
  readonly signal: AbortSignal;
  /** One of `routers()`; any that answers when absent. */
  readonly router?: string;
}

/**
 * How the routers of one site are asked: GET on their admin endpoint. Other sites of the network are asked through them, by
 * `/v1/sites/<site id>/…`.
 */
export interface RouterSource {
  /** Throws IsthmusError (UNREACHABLE, TIMEOUT, DENIED…) when there was no answer; an answer that refuses is one. */
  get(path: string, request: RouterRequest): Promise<RouterAnswer>;
  /** Those of the site that can be asked now, each by a name that stays while it lives. */
  routers(signal: AbortSignal): Promise<readonly string[]>;
}
