import { createHash, randomBytes } from "node:crypto";
import { accessSync, constants, statSync } from "node:fs";
import { dirname } from "node:path";
import { type AccessGrant, accessGrantKind } from "#api/kinds/access-grant.ts";
import { conditionOf } from "#api/object.ts";
import { apiVersionOf } from "#api/resource-def.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { writeFileAtomic } from "#core/file.ts";
import type { WaitOptions } from "../flags.ts";
import { formatObjects, type ObjectFormat } from "../output/objects.ts";
import type { Session } from "../session.ts";
import { requireSite, siteName } from "../site.ts";
import { waitUntil } from "../wait.ts";
import { codeSecret, formatTokenFile, tokenFile } from "./token-file.ts";

export interface TokenOptions extends WaitOptions {
  readonly expiry: string;
  readonly uses: number;
  readonly cost?: number;
  readonly output?: ObjectFormat;
}

/** 32 bytes: nobody guesses it, so its plain SHA-256 can lie in the cluster. */
const CODE_BYTES = 32;
const FILE_MODE = 0o600;

/**
 * Makes a code, stores its hash as an AccessGrant, waits until the site takes it, and writes the token. When any of it
 * fails, neither grant nor file is left.
 */
export async function createToken(
  options: TokenOptions & { readonly file: string },
  session: Session,
): Promise<void> {
  const { file } = options;
  const code = randomBytes(CODE_BYTES).toString("base64url");
  const codeHash = createHash("sha256").update(code).digest("hex");
  const name = `token-${codeHash.slice(0, 8)}`;
  const grant: AccessGrant = {
    apiVersion: apiVersionOf(accessGrantKind.resource),
    kind: "AccessGrant",
    metadata: { name, namespace: session.namespace },
    spec: { codeHash, redemptionsAllowed: options.uses, expirationWindow: options.expiry },
  };
  if (options.output !== undefined) {
    session.io.out(formatObjects([grant, codeSecret(name, code)], options.output));
    return;
  }
  if (file !== "-") checkWritable(file);
  const site = await requireSite(session);
  if (site.spec.linkAccess === "None") {
    throw new IsthmusError(
      "INVALID",
      `Site "${siteName(site)}" cannot be linked to: its linkAccess is None`,
      {
        hint: session.command("init --link-access LoadBalancer"),
      },
    );
  }
  await session.client.create(RESOURCES.accessGrants, grant);
  try {
    const { url, ca, network } = await readyGrant({ name, options, session });
    const text = formatTokenFile(
      tokenFile({
        name,
        code,
        url,
        ca,
        network,
        linkName: siteName(site),
        ...(options.cost === undefined ? {} : { linkCost: options.cost }),
      }),
    );
    if (file === "-") session.io.out(text);
    else writeFileAtomic(file, text, FILE_MODE);
  } catch (error) {
    await session.client
      .delete(RESOURCES.accessGrants, { namespace: session.namespace, name })
      .catch(() => false);
    throw error;
  }
  if (file === "-") return;
  const uses = options.uses === 1 ? "one use" : `${options.uses} uses`;
  session.io.out(`Token written to ${file}: ${uses}, expires in ${options.expiry}\n`);
}

interface ReadyGrant {
  readonly url: string;
  readonly ca: string;
  readonly network: string;
}

function readyGrant(input: { name: string; options: WaitOptions; session: Session }): Promise<ReadyGrant> {
  const { name, options, session } = input;
  const { client, namespace } = session;
  return waitUntil({
    what: "the site to take the grant",
    timeoutMs: options.timeout ?? 60_000,
    progress: session.progress,
    hint: session.command("status"),
    look: async () => {
      const { status } = await client.get<AccessGrant>(RESOURCES.accessGrants, { namespace, name });
      const ready = conditionOf(status?.conditions, "Ready");
      const { url, ca, network } = status ?? {};
      if (ready?.status === "True" && url !== undefined && ca !== undefined && network !== undefined) {
        return { done: { url, ca, network } };
      }
      if (ready?.status === "False") refuseFinal(ready, session);
      return { pending: ready?.message ?? "the controller has not seen it yet" };
    },
  });
}

/** Waiting mends none of these. */
function refuseFinal({ reason, message }: { reason: string; message: string }, session: Session): void {
  if (reason === "Expired") {
    throw new IsthmusError("EXPIRED", "The token expired before the site took it up", {
      hint: session.command("token create FILE --expiry 15m"),
    });
  }
  if (reason === "NoAuthority" || reason === "NoLinkAccess") {
    throw new IsthmusError("DENIED", message, { hint: session.command("network status") });
  }
}

/** Finds out before anything was granted. */
function checkWritable(file: string): void {
  try {
    accessSync(dirname(file), constants.W_OK);
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true)
      throw new Error("it is a directory");
  } catch (error) {
    throw new IsthmusError("INVALID", `Cannot write the token to "${file}": ${messageOf(error)}`, {
      hint: "isthmus token create FILE, with a file in a directory that exists",
      cause: error,
    });
  }
}
