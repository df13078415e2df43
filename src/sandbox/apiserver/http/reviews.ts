import { methodNotAllowed } from "../errors.ts";
import { isObject, type JsonObject } from "../schema/schema.ts";
import type { Authorizer } from "../auth/authorizer.ts";
import { json } from "./answer.ts";
import { readObject } from "./body.ts";
import type { Call } from "./context.ts";

/** Questions that are answered but never stored. */
export const REVIEWS = [
  {
    group: "authorization.k8s.io",
    version: "v1",
    resource: "selfsubjectaccessreviews",
    kind: "SelfSubjectAccessReview",
    schema: "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
  },
  {
    group: "authorization.k8s.io",
    version: "v1",
    resource: "selfsubjectrulesreviews",
    kind: "SelfSubjectRulesReview",
    schema: "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
  },
  {
    group: "authentication.k8s.io",
    version: "v1",
    resource: "selfsubjectreviews",
    kind: "SelfSubjectReview",
    schema: "io.k8s.api.authentication.v1.SelfSubjectReview",
  },
] as const;

export type Review = (typeof REVIEWS)[number];

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const record = (value: unknown): JsonObject => (isObject(value) ? value : {});

/** `kubectl auth can-i` (one question and --list) and `kubectl auth whoami`. */
export async function answerReview(review: Review, call: Call, authorizer: Authorizer): Promise<Response> {
  if (call.method !== "POST") throw methodNotAllowed();
  const body = await readObject(call.request);
  const spec = record(body["spec"]);
  const { user } = call;
  const answer = { kind: review.kind, apiVersion: `${review.group}/${review.version}`, metadata: {} };
  switch (review.kind) {
    case "SelfSubjectReview":
      return json(
        { ...answer, status: { userInfo: { username: user.name, ...user, name: undefined } } },
        201,
      );
    case "SelfSubjectAccessReview": {
      const wanted = record(spec["resourceAttributes"]);
      const path = record(spec["nonResourceAttributes"]);
      const allowed = isObject(spec["resourceAttributes"])
        ? authorizer.allows(user, {
            verb: text(wanted["verb"]),
            group: text(wanted["group"]),
            resource: text(wanted["resource"]),
            subresource: text(wanted["subresource"]),
            namespace: text(wanted["namespace"]),
            name: text(wanted["name"]),
          })
        : authorizer.allowsPath(user, text(path["verb"]), text(path["path"]));
      return json({ ...answer, spec, status: { allowed } }, 201);
    }
    default: {
      const rules = authorizer.rulesFor(user, text(spec["namespace"]));
      const resourceRules = rules
        .filter((rule) => rule.resources !== undefined)
        .map(({ verbs, apiGroups, resources, resourceNames }) => ({
          verbs,
          apiGroups,
          resources,
          resourceNames,
        }));
      const nonResourceRules = rules
        .filter((rule) => rule.nonResourceURLs !== undefined)
        .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs }));
      return json({ ...answer, spec, status: { incomplete: false, resourceRules, nonResourceRules } }, 201);
    }
  }
}
