import { explainAnswer } from "../explain/explain-answer.ts";
import type { RouterCore } from "../router-core.ts";
import type { Listeners } from "../serving/listeners.ts";
import type { Observation } from "./observation.ts";
import type { Answer } from "./over-links/protocol.ts";

/** What of a router is told to whoever asks, here and over the links. */
export interface Telltale {
  readonly listeners: Pick<Listeners, "protocolOf">;
  core(): RouterCore;
  observe(query: URLSearchParams): Observation;
}

/** Answers /v1/observe and /v1/explain. A question for another router is 404: whoever asks it would take the words for its. */
export function answerOf({ pathname, searchParams }: URL, router: Telltale): Answer {
  const wanted = searchParams.get("router");
  const { router: own } = router.core().self;
  if (wanted !== null && wanted !== own)
    return { status: 404, body: `This is router ${own} and not the one that was asked for\n` };
  switch (pathname) {
    case "/v1/observe":
      return { status: 200, body: JSON.stringify(router.observe(searchParams)) };
    case "/v1/explain":
      return explained(searchParams, router);
    default:
      return { status: 404, body: "Not found\n" };
  }
}

function explained(query: URLSearchParams, router: Telltale): Answer {
  const { services } = router.core();
  const protocolOf = (service: string, port: number): string | undefined =>
    router.listeners.protocolOf(service, port);
  const explanation = explainAnswer(query, { services, protocolOf });
  if (explanation !== undefined) return { status: 200, body: JSON.stringify(explanation) };
  const body = "Nothing is decided here for that service and port: ?service=ns/name&port=N\n";
  return { status: 404, body };
}
