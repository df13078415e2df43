import type { Clock } from "#core/clock.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import type { ServiceExplanation } from "#router/explain/explanation.ts";
import type { PolicyWords } from "./model/service-view.ts";
import type { RouterAnswer } from "./source.ts";
import type { ServiceView } from "./views.ts";

/** What policies say is asked again after this, while somebody looks. */
const FRESH_MS = 5000;
const MAX_KNOWN = 5000;

const log = logFor("observe");

/** A client site, and a port of the service. */
export interface Client {
  /** The observer's own site when undefined. */
  readonly siteId: string | undefined;
  readonly port: number;
}

export interface ExplanationsOptions {
  readonly clock: Clock;
  /** GET at a router of a site. */
  readonly get: (path: string, siteId: string | undefined) => Promise<RouterAnswer>;
}

/** Asks routers why services are served as they are, and remembers what their policies say. */
export class Explanations {
  readonly #options: ExplanationsOptions;
  readonly #known = new Map<string, { words: PolicyWords | undefined; atMs: number }>();

  constructor(options: ExplanationsOptions) {
    this.#options = options;
  }

  /** Undefined where nothing is decided for the service. Throws UNREACHABLE, PROTOCOL, and what `get` throws. */
  async ask(service: string, { siteId, port }: Client): Promise<ServiceExplanation | undefined> {
    const path = `/v1/explain?service=${encodeURIComponent(service)}&port=${port}`;
    const { status, value } = await this.#options.get(path, siteId);
    if (status === 404) return undefined;
    if (status !== 200)
      throw new IsthmusError("UNREACHABLE", `The router of that site answered ${status} to ${path}`);
    if (typeof value === "object" && value !== null) return value as ServiceExplanation;
    throw new IsthmusError("PROTOCOL", `What a router answered to ${path} is no explanation`, {
      source: "upstream",
    });
  }

  /** What is known of a client site's policy. */
  wordsOf(service: string, client: Client): PolicyWords | undefined {
    return this.#known.get(keyOf(service, client))?.words;
  }

  /**
   * Asks for the policies of a view's clients. Resolves when those are known of which nothing was; undefined when nobody has to wait:
   * what is stale is asked for again meanwhile. Never rejects.
   */
  learn({ row, port, clients }: ServiceView): Promise<unknown> | undefined {
    const learning = clients
      .map(({ siteId }) => this.#learn(row.service, { siteId, port }))
      .filter((one) => one !== undefined);
    return learning.length === 0 ? undefined : Promise.all(learning);
  }

  #learn(service: string, client: Client): Promise<void> | undefined {
    const key = keyOf(service, client);
    const known = this.#known.get(key);
    const atMs = this.#options.clock.now();
    if (known !== undefined && atMs - known.atMs < FRESH_MS) return undefined;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(key, { words: known?.words, atMs });
    const learning = this.ask(service, client).then(
      (explanation) => {
        this.#known.set(key, { words: policyWords(explanation), atMs });
      },
      (error: unknown) =>
        log.debug("No explanation", { service, site: client.siteId, reason: messageOf(error) }),
    );
    return known?.words === undefined ? learning : undefined;
  }
}

function keyOf(service: string, { siteId, port }: Client): string {
  return `${service} ${port} ${siteId}`;
}

/** Routers of another version may say less. */
function policyWords(explanation: Partial<ServiceExplanation> | undefined): PolicyWords | undefined {
  const policy = explanation?.policy;
  if (policy === undefined) return undefined;
  const { mode, spread, algorithm } = policy;
  return { mode, spread, algorithm };
}
