import { Value } from "typebox/value";
import type { Static, TSchema } from "typebox";
import { IsthmusError, messageOf, type ErrorCode } from "#core/errors.ts";
import { createCsr } from "#pki/authority.ts";
import type { Identity, KeyPair } from "./identity.ts";
import {
  type Issued,
  IssuedSchema,
  type JoinAnswer,
  JoinAnswerSchema,
  RefusalSchema,
  JOIN_SERVER_NAME,
  type JoinReason,
  proveMembership,
} from "./join-protocol.ts";

/** What the joiner found out beside what the issuing site said. */
export type RedeemReason = JoinReason | "Unreachable" | "WrongCA";

/** A join or renewal that did not succeed, seen from the joiner. `retryable` says whether the same try may succeed later. */
export class RedeemError extends IsthmusError {
  readonly reason: RedeemReason;

  constructor(reason: RedeemReason, message: string, options: { readonly cause?: unknown } = {}) {
    super(CODES[reason] ?? "DENIED", message, { ...options, retryable: RETRYABLE.has(reason) });
    this.name = "RedeemError";
    this.reason = reason;
  }
}

const CODES: Partial<Record<RedeemReason, ErrorCode>> = {
  WrongCA: "UNTRUSTED",
  Unreachable: "UNREACHABLE",
  Expired: "EXPIRED",
};
const RETRYABLE: ReadonlySet<RedeemReason> = new Set([
  "Unreachable",
  "NotReady",
  "Busy",
  "TooManyRequests",
  "Failed",
]);

export interface IssuerAddress {
  /** `https://host:port` */
  readonly url: string;
  /** The only authority that is believed, PEM. */
  readonly ca: string;
}

export interface RedeemInput extends IssuerAddress {
  readonly code: string;
  readonly siteName: string;
  /** Present identity, for a site that is a member already and keeps its id. */
  readonly current: Identity | undefined;
  /** Keys of an earlier try whose answer may have been lost: with them the issuer answers again [new ones]. */
  readonly keys?: NewKeys;
  /** [10 s] */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** An identity as it was issued, with the keys that were made here. */
export type Redeemed = Pick<Identity, "network" | "siteId" | "trust" | "client" | "server"> &
  Pick<JoinAnswer, "link">;

/** Redeems a code: sends requests for certificates of two keys, and returns both together. Throws RedeemError. */
export async function redeem(input: RedeemInput): Promise<Redeemed> {
  const { code, siteName, current } = input;
  const keys = input.keys ?? (await newKeys());
  const answer = await post(input, {
    path: "/v1/join",
    schema: JoinAnswerSchema,
    body: {
      code,
      ...keys.requests,
      site: { name: siteName },
      ...(current === undefined ? {} : { current: proof(current, keys) }),
    },
  });
  return { ...withKeys(answer, keys), link: answer.link };
}

/** Renews the certificates of a member, with new keys, before they expire. Throws RedeemError. */
export async function renew(
  current: Identity,
  options: IssuerAddress & { readonly timeoutMs?: number; readonly signal?: AbortSignal },
): Promise<Omit<Redeemed, "link">> {
  const keys = await newKeys();
  const body = { ...keys.requests, current: proof(current, keys) };
  const answer = await post(options, { path: "/v1/renew", schema: IssuedSchema, body });
  if (answer.siteId !== current.siteId || answer.network !== current.network) {
    throw new RedeemError("Failed", "The issuing site answered with certificates of another site");
  }
  return withKeys(answer, keys);
}

/** Two private keys (PEM) and the requests for their certificates. */
export interface NewKeys {
  readonly client: string;
  readonly server: string;
  readonly requests: { readonly csrClient: string; readonly csrServer: string };
}

export async function newKeys(): Promise<NewKeys> {
  const [client, server] = await Promise.all([createCsr(), createCsr()]);
  return {
    client: client.key,
    server: server.key,
    requests: { csrClient: client.csr, csrServer: server.csr },
  };
}

function proof(current: Identity, keys: NewKeys): { certificate: string; proof: string } {
  return {
    certificate: current.client.certificate,
    proof: proveMembership(current.client.key, keys.requests),
  };
}

function withKeys(answer: Issued, keys: NewKeys): Omit<Redeemed, "link"> {
  const client: KeyPair = { certificate: answer.client, key: keys.client };
  const server: KeyPair = { certificate: answer.server, key: keys.server };
  return { network: answer.network, siteId: answer.siteId, trust: answer.trust, client, server };
}

async function post<T extends TSchema>(
  issuer: IssuerAddress & { readonly timeoutMs?: number; readonly signal?: AbortSignal },
  request: { readonly path: string; readonly schema: T; readonly body: object },
): Promise<Static<T>> {
  const base = URL.parse(issuer.url);
  if (base?.protocol !== "https:")
    throw new RedeemError("Invalid", `Expected an https URL, got "${issuer.url}"`);
  const timeout = AbortSignal.timeout(issuer.timeoutMs ?? 10_000);
  const signal = issuer.signal === undefined ? timeout : AbortSignal.any([issuer.signal, timeout]);
  let status: number;
  let text: string;
  try {
    const response = await fetch(new URL(request.path, base), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request.body),
      redirect: "error",
      signal,
      // The address comes from the token, so the name in the certificate is a fixed one and only the authority counts.
      tls: { ca: issuer.ca, serverName: JOIN_SERVER_NAME },
    });
    status = response.status;
    text = await boundedText(response);
  } catch (cause) {
    throw networkError(base, cause);
  }
  const answer = parse(text);
  if (status !== 200) throw refused(status, answer);
  if (!Value.Check(request.schema, answer)) {
    throw new RedeemError(
      "Failed",
      "The answer of the issuing site is not understood; is it of another version?",
    );
  }
  return answer;
}

/** No answer is longer; a server that sends without end is cut off. */
const MAX_ANSWER_BYTES = 256 * 1024;

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error("The answer is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refused(status: number, answer: unknown): RedeemError {
  if (Value.Check(RefusalSchema, answer)) {
    const text = printable(answer.message ?? "");
    return new RedeemError(answer.reason, text === "" ? `The issuing site refused: ${answer.reason}` : text);
  }
  const kind = status >= 500 || status === 429 ? "Failed" : "Invalid";
  return new RedeemError(kind, `The issuing site answered with status ${status}`);
}

/** What another site says goes into conditions and terminals: bounded, and without control characters. */
function printable(message: string): string {
  return message.replace(/\p{Cc}+/gu, " ").slice(0, 300);
}

function networkError(url: URL, cause: unknown): RedeemError {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
  if (/CERT|^ERR_TLS|^ERR_SSL|^UNABLE_TO_|^INVALID_CA/.test(code)) {
    const message = `The server at ${url.host} does not have the certificate that the token names: it may be another server, or the token of an earlier installation`;
    return new RedeemError("WrongCA", message, { cause });
  }
  if (code === "FailedToOpenSocket")
    return new RedeemError("WrongCA", "The authority in the token is not a readable certificate", { cause });
  const why =
    code === "ECONNREFUSED"
      ? "connection refused"
      : code === "ENOTFOUND"
        ? "the host name is unknown"
        : messageOf(cause);
  return new RedeemError("Unreachable", `Cannot reach the issuing site at ${url.host}: ${why}`, { cause });
}
