import { parseAllDocuments } from "yaml";
import { accessTokenKind, type AccessToken, type AccessTokenSpec } from "#api/kinds/access-token.ts";
import type { Secret } from "#api/builtin.ts";
import { apiVersionOf } from "#api/resource-def.ts";
import { validate } from "#api/registry.ts";
import { IsthmusError } from "#core/errors.ts";
import { formatObjects } from "../output/objects.ts";

/** A token as it travels: the code in a Secret, and where to redeem it. `kubectl apply` takes the same file. */
export interface TokenFile {
  readonly secret: Secret;
  readonly token: AccessToken;
}

export interface NewToken extends Omit<AccessTokenSpec, "codeSecret"> {
  readonly name: string;
  readonly code: string;
}

export function tokenFile({ name, code, ...spec }: NewToken): TokenFile {
  return {
    secret: codeSecret(name, code),
    token: {
      apiVersion: apiVersionOf(accessTokenKind.resource),
      kind: "AccessToken",
      metadata: { name },
      spec: { ...spec, codeSecret: name },
    },
  };
}

/** The Secret that holds a code. */
export function codeSecret(name: string, code: string): Secret {
  return { apiVersion: "v1", kind: "Secret", metadata: { name }, type: "Opaque", stringData: { code } };
}

export function formatTokenFile({ secret, token }: TokenFile): string {
  return formatObjects([secret, token], "yaml");
}

/** Reads a token file. Throws INVALID that names the file and what is wrong with it. */
export function parseTokenFile(text: string, file: string): TokenFile {
  const objects = parseAllDocuments(text).flatMap((document): unknown[] => {
    const [problem] = document.errors;
    if (problem !== undefined) throw notAToken(file, problem.message.split("\n")[0] ?? "not YAML");
    const value: unknown = document.toJS();
    return value === null ? [] : [value];
  });
  const token = objects.find((object) => isKind(object, "AccessToken")) as AccessToken | undefined;
  if (token === undefined) throw notAToken(file, "no AccessToken in it");
  const [problem] = validate("AccessToken", token);
  if (problem !== undefined) throw notAToken(file, `${problem.path}: ${problem.message}`);
  const secret = objects.find(
    (object) => isKind(object, "Secret") && (object as Secret).metadata.name === token.spec.codeSecret,
  ) as Secret | undefined;
  if (secret === undefined)
    throw notAToken(file, `the Secret "${token.spec.codeSecret}" with the code is missing`);
  return { secret, token };
}

function isKind(value: unknown, kind: string): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { kind: found, metadata } = value as { kind?: unknown; metadata?: unknown };
  return found === kind && typeof metadata === "object" && metadata !== null;
}

function notAToken(file: string, why: string): IsthmusError {
  return new IsthmusError("INVALID", `"${file}" is not a token: ${why}`, {
    hint: "Make one in the site to link to: isthmus token create FILE",
  });
}
