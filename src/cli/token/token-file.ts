import { accessTokenKind, type AccessToken, type AccessTokenSpec } from "#api/kinds/access-token.ts";
import type { Secret } from "#api/builtin.ts";
import type { KubeObject } from "#api/object.ts";
import { formatProblem } from "#api/problem.ts";
import { apiVersionOf } from "#api/resource-def.ts";
import { validate, withDefaults } from "#api/registry.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { parseObjects } from "../object-file.ts";
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
  const objects = readObjects(text, file);
  const candidate = objects.find(({ kind }) => kind === "AccessToken");
  if (candidate === undefined) throw notAToken(file, "no AccessToken in it");
  const [problem] = validate("AccessToken", candidate);
  if (problem !== undefined) throw notAToken(file, formatProblem(problem));
  const token = withDefaults("AccessToken", candidate);
  const secret = objects.find(
    ({ kind, metadata }) => kind === "Secret" && metadata.name === token.spec.codeSecret,
  );
  if (secret === undefined) {
    throw notAToken(file, `the Secret "${token.spec.codeSecret}" with the code is missing`);
  }
  return { secret, token };
}

function readObjects(text: string, file: string): KubeObject[] {
  try {
    return parseObjects(text);
  } catch (error) {
    throw notAToken(file, messageOf(error));
  }
}

function notAToken(file: string, why: string): IsthmusError {
  return new IsthmusError("INVALID", `"${file}" is not a token: ${why}`, {
    hint: "Make one in the site to link to: isthmus token create FILE",
  });
}
