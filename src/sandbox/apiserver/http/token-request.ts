import { methodNotAllowed, notFound } from "../errors.ts";
import { timestamp } from "../objects/metadata.ts";
import { isObject } from "../schema/schema.ts";
import { json } from "./answer.ts";
import { readBody } from "./body.ts";
import type { Call, ServerContext } from "./context.ts";

/** `serviceaccounts/NAME/token` (authentication.k8s.io/v1 TokenRequest), as `kubectl create token` uses it. */
export async function requestToken(
  context: ServerContext,
  call: Call,
  id: { namespace: string; name: string },
): Promise<Response> {
  if (call.method !== "POST") throw methodNotAllowed();
  const account = context.objects.store.get("serviceaccounts", id.namespace, id.name);
  if (account === undefined) throw notFound({ group: "", resource: "serviceaccounts" }, id.name);
  const body = await readBody(call.request);
  const spec = isObject(body) && isObject(body["spec"]) ? body["spec"] : {};
  const seconds = typeof spec["expirationSeconds"] === "number" ? spec["expirationSeconds"] : 3600;
  const { token, expiresMs } = context.tokens.issue(account, seconds);
  const answer = {
    kind: "TokenRequest",
    apiVersion: "authentication.k8s.io/v1",
    metadata: { name: id.name, namespace: id.namespace, creationTimestamp: timestamp(context.clock.now()) },
    spec: { audiences: [], ...spec, expirationSeconds: seconds },
    status: { token, expirationTimestamp: timestamp(expiresMs) },
  };
  return json(answer, 201);
}
