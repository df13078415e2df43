import type { AccessToken } from "#api/kinds/access-token.ts";
import type { Link } from "#api/kinds/link.ts";
import { type Condition, conditionOf } from "#api/object.ts";
import { RESOURCES } from "#api/resources.ts";
import { type ErrorCode, IsthmusError, messageOf } from "#core/errors.ts";
import { type WaitOptions, waitMs } from "../flags.ts";
import { formatObjects, type ObjectFormat } from "../output/objects.ts";
import type { Session } from "../session.ts";
import { requireSite } from "../site.ts";
import { parseTokenFile, type TokenFile } from "../token/token-file.ts";
import { waitUntil } from "../wait.ts";
import { formatRtt } from "./link-rows.ts";

export interface CreateLinkOptions extends WaitOptions {
  readonly name?: string;
  readonly cost?: number;
  readonly output?: ObjectFormat;
}

/** Codes for reasons of `Redeemed=False`; all others are DENIED. */
const REFUSALS: Readonly<Record<string, ErrorCode>> = {
  Expired: "EXPIRED",
  LinkExists: "ALREADY_EXISTS",
  WrongCA: "UNTRUSTED",
  Invalid: "INVALID",
};

/**
 * Gives the token to this site's controller, which redeems it and makes the link; waits for both. When the token is
 * refused, nothing of it stays in the namespace.
 */
export async function createLink(
  options: CreateLinkOptions & { readonly file: string },
  session: Session,
): Promise<void> {
  const token = withOptions(
    parseTokenFile(await readToken(options.file, session), options.file),
    options,
    session,
  );
  if (options.output !== undefined) {
    session.io.out(formatObjects([token.secret, token.token], options.output));
    return;
  }
  await requireSite(session);
  await refuseSecondUse(token, session);
  const timeoutMs = waitMs(options, true);
  await session.client.apply(RESOURCES.secrets, token.secret);
  try {
    await session.client.apply(RESOURCES.accessTokens, token.token);
    if (timeoutMs === 0) {
      session.io.out(`Token "${token.token.metadata.name}" accepted; the link is being made\n`);
      return;
    }
    const linkName = await redeemed({ token, timeoutMs, session });
    await operational({ linkName, timeoutMs, session });
  } catch (error) {
    if (!(await isRedeemed(token, session))) await takeBack(token, session);
    throw error;
  }
}

async function readToken(file: string, session: Session): Promise<string> {
  if (file === "-") return session.io.readInput();
  try {
    return await Bun.file(file).text();
  } catch (error) {
    throw new IsthmusError("NOT_FOUND", `Cannot read the token "${file}": ${messageOf(error)}`, {
      hint: `Make it in the site to link to: isthmus token create ${file}`,
      cause: error,
    });
  }
}

function withOptions(
  { secret, token }: TokenFile,
  options: CreateLinkOptions,
  { namespace }: Session,
): TokenFile {
  return {
    secret: { ...secret, metadata: { ...secret.metadata, namespace } },
    token: {
      ...token,
      metadata: { ...token.metadata, namespace },
      spec: {
        ...token.spec,
        ...(options.name === undefined ? {} : { linkName: options.name }),
        ...(options.cost === undefined ? {} : { linkCost: options.cost }),
      },
    },
  };
}

async function refuseSecondUse({ token }: TokenFile, session: Session): Promise<void> {
  const { namespace } = session;
  const { name } = token.metadata;
  const known = await session.client.find<AccessToken>(RESOURCES.accessTokens, { namespace, name });
  const link = known?.status?.link;
  if (link !== undefined) {
    throw new IsthmusError(
      "ALREADY_EXISTS",
      `The token was used already in this site: it made link "${link}"`,
      {
        hint: session.command(`link status ${link}`),
      },
    );
  }
  const linkName = token.spec.linkName;
  if (linkName === undefined) return;
  if ((await session.client.find(RESOURCES.links, { namespace, name: linkName })) === undefined) return;
  throw new IsthmusError("ALREADY_EXISTS", `There is a link "${linkName}" already`, {
    hint: `Choose another name with --name, or first: ${session.command(`link delete ${linkName}`)}`,
  });
}

function redeemed(input: { token: TokenFile; timeoutMs: number; session: Session }): Promise<string> {
  const { token, timeoutMs, session } = input;
  const { name } = token.token.metadata;
  return waitUntil<string>({
    what: "the token to be redeemed",
    timeoutMs,
    progress: session.progress,
    hint: session.command("status"),
    look: async () => {
      const now = await session.client.get<AccessToken>(RESOURCES.accessTokens, {
        namespace: session.namespace,
        name,
      });
      const condition = conditionOf(now.status?.conditions, "Redeemed");
      const link = now.status?.link;
      if (condition?.status === "True" && link !== undefined) return { done: link };
      // A verdict with the generation is final; anything else the controller tries again.
      if (condition?.status === "False" && condition.observedGeneration === now.metadata.generation)
        refuse(condition);
      return { pending: condition?.message ?? "the controller has not seen it yet" };
    },
  });
}

function refuse(condition: Condition): never {
  throw new IsthmusError(REFUSALS[condition.reason] ?? "DENIED", condition.message, {
    hint:
      condition.reason === "LinkExists"
        ? "Choose another name with --name"
        : "Make a new token in the site to link to: isthmus token create FILE",
  });
}

async function operational(input: { linkName: string; timeoutMs: number; session: Session }): Promise<void> {
  const { linkName, timeoutMs, session } = input;
  const link = await waitUntil<Link>({
    what: `link "${linkName}" to be up`,
    timeoutMs,
    progress: session.progress,
    hint: session.command(`link status ${linkName}`),
    look: async () => {
      const now = await session.client.find<Link>(RESOURCES.links, {
        namespace: session.namespace,
        name: linkName,
      });
      const condition = conditionOf(now?.status?.conditions, "Operational");
      if (now !== undefined && condition?.status === "True") return { done: now };
      return { pending: condition?.message ?? "" };
    },
  });
  const { remoteSite, rttMs } = link.status ?? {};
  const site = remoteSite === undefined ? "" : ` to site "${remoteSite}"`;
  const rtt = rttMs === undefined ? "" : `, round trip ${formatRtt(rttMs)}`;
  session.io.out(`Link "${linkName}"${site} is up: cost ${link.spec.cost}${rtt}\n`);
}

async function isRedeemed({ token }: TokenFile, session: Session): Promise<boolean> {
  const { namespace } = session;
  const { name } = token.metadata;
  try {
    const now = await session.client.find<AccessToken>(RESOURCES.accessTokens, { namespace, name });
    return now?.status?.link !== undefined;
  } catch {
    // Unknown: what may be in use is left alone.
    return true;
  }
}

async function takeBack({ token, secret }: TokenFile, session: Session): Promise<void> {
  const { client, namespace } = session;
  await client.delete(RESOURCES.accessTokens, { namespace, name: token.metadata.name });
  await client.delete(RESOURCES.secrets, { namespace, name: secret.metadata.name });
}
