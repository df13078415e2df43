import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import type { Session } from "./session.ts";
import { placeOf } from "./site.ts";

/** Throws NOT_FOUND, with the command that makes it, when the namespace is not there. */
export async function requireNamespace(session: Session): Promise<void> {
  const { client, namespace } = session;
  try {
    if ((await client.find(RESOURCES.namespaces, { name: namespace })) !== undefined) return;
  } catch (error) {
    // Who may only use the namespace need not be allowed to look at it.
    if (error instanceof IsthmusError && error.code === "DENIED") return;
    throw error;
  }
  throw new IsthmusError("NOT_FOUND", `There is no namespace "${namespace}" in ${placeOf(session)}`, {
    hint: `kubectl${session.context === undefined ? "" : ` --context ${session.context}`} create namespace ${namespace}`,
  });
}
