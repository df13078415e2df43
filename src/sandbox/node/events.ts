import { createHash } from "node:crypto";
import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import type { ClusterApi, KubeObject } from "../apiserver/cluster-api.ts";

const log = logFor("sandbox", "events");

/** Events of one kind about one object are one Event with a count, as long as we remember it. */
const REMEMBERED = 2000;

export interface EventDetails {
  type: "Normal" | "Warning";
  reason: string;
  message: string;
  /** Part of the object, as `spec.containers{web}`. */
  fieldPath?: string;
}

/**
 * Writes Events. They are written after the present turn, so that nobody waits for them; what cannot be written is
 * dropped.
 */
export class EventRecorder {
  readonly #api: ClusterApi;
  readonly #clock: Clock;
  readonly #source: { component: string; host: string };
  readonly #known = new Map<string, string>();
  #stopped = false;

  constructor(options: { api: ClusterApi; clock: Clock; component: string; host: string }) {
    this.#api = options.api;
    this.#clock = options.clock;
    this.#source = { component: options.component, host: options.host };
  }

  record(about: KubeObject, details: EventDetails): void {
    setImmediate(() => {
      if (this.#stopped) return;
      try {
        this.#write(about, details);
      } catch (error) {
        log.debug("Event dropped", { reason: details.reason, error: messageOf(error) });
      }
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  #write(about: KubeObject, { type, reason, message, fieldPath }: EventDetails): void {
    const now = timestamp(this.#clock.now());
    const namespace = about.metadata.namespace ?? "default";
    const id = [about.metadata.uid, fieldPath, reason, message].join("\n");
    const known = this.#known.get(id);
    if (known !== undefined) {
      const counted = this.#api.mutate("events", namespace, known, (draft) => ({
        ...draft,
        count: Number(draft.count ?? 1) + 1,
        lastTimestamp: now,
      }));
      if (counted !== undefined) return;
    }
    const suffix = createHash("sha256").update(`${id}${now}${this.#known.size}`).digest("hex").slice(0, 16);
    const name = `${about.metadata.name}.${suffix}`;
    this.#api.create("events", {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace },
      involvedObject: {
        apiVersion: about.apiVersion,
        kind: about.kind,
        name: about.metadata.name,
        ...(about.metadata.namespace === undefined ? {} : { namespace: about.metadata.namespace }),
        uid: about.metadata.uid,
        resourceVersion: about.metadata.resourceVersion,
        ...(fieldPath === undefined ? {} : { fieldPath }),
      },
      type,
      reason,
      message,
      source: this.#source,
      reportingComponent: this.#source.component,
      reportingInstance: this.#source.host,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    });
    this.#remember(id, name);
  }

  #remember(id: string, name: string): void {
    this.#known.set(id, name);
    if (this.#known.size <= REMEMBERED) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      break;
    }
  }
}

/** `now` as the API writes times: whole seconds, UTC. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
