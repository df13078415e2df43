import type { AccessGrant, AccessGrantStatus } from "#api/kinds/access-grant.ts";
import type { LinkAccess } from "#api/kinds/site.ts";
import { withConditions } from "#controller/write-status.ts";
import { hostPort, type Exposure } from "../link-access.ts";
import { expiryOf } from "./redemption.ts";

export interface GrantInput {
  readonly grant: AccessGrant;
  readonly linkAccess: LinkAccess;
  /** Network of this site; undefined before it is in one. */
  readonly network: string | undefined;
  /** Whether this site holds the network's root and so may admit others. */
  readonly isAuthority: boolean;
  readonly join: Exposure;
  readonly link: Exposure;
  /** Authority of the join server's certificate, PEM. */
  readonly ca: string;
  readonly nowMs: number;
}

export interface GrantResult {
  readonly status: AccessGrantStatus;
  /** When the answer changes by itself, ms. */
  readonly requeueAfterMs?: number;
}

/**
 * AccessGrant.status: where it can be redeemed and until when. `redemptions` and `redeemers` are left as they are: they belong to the join server.
 * Ready=True only when a joiner would succeed now; else the reason says what is missing.
 */
export function grantStatus(input: GrantInput): GrantResult {
  const { grant, network, join, ca, nowMs } = input;
  const previous = grant.status ?? {};
  const expiryMs = expiryOf(grant);
  const [ready, reason, message] = verdict(input, expiryMs);
  const conditions = withConditions(
    previous.conditions,
    [
      {
        type: "Ready",
        status: ready ? "True" : "False",
        reason,
        message,
        ...(grant.metadata.generation === undefined ? {} : { observedGeneration: grant.metadata.generation }),
      },
    ],
    { nowMs },
  );
  const [address] = join.state === "assigned" ? join.addresses : [];
  return {
    status: {
      ...(address === undefined ? {} : { url: `https://${hostPort(address)}` }),
      ca,
      ...(network === undefined ? {} : { network }),
      expirationTime: new Date(expiryMs).toISOString().replace(/\.\d+Z$/, "Z"),
      redemptions: previous.redemptions ?? 0,
      ...(previous.redeemers === undefined ? {} : { redeemers: previous.redeemers }),
      conditions,
    },
    ...(expiryMs > nowMs ? { requeueAfterMs: expiryMs - nowMs } : {}),
  };
}

function verdict(input: GrantInput, expiryMs: number): [ready: boolean, reason: string, message: string] {
  const { grant, linkAccess, network, isAuthority, join, link, nowMs } = input;
  const allowed = grant.spec.redemptionsAllowed ?? 1;
  if (nowMs >= expiryMs)
    return [false, "Expired", `Expired at ${new Date(expiryMs).toISOString()}: make a new token`];
  if ((grant.status?.redemptions ?? 0) >= allowed) {
    return [false, "Used", allowed === 1 ? "It was redeemed" : `It was redeemed ${allowed} times`];
  }
  if (linkAccess === "None") {
    return [
      false,
      "NoLinkAccess",
      "Other sites cannot reach this one: set linkAccess of the Site to LoadBalancer, NodePort or ClusterIP",
    ];
  }
  if (network === undefined) return [false, "Pending", "The network is being founded"];
  if (!isAuthority) {
    return [
      false,
      "NoAuthority",
      `This site is a member of network "${network}" and does not hold its root: make the token at the site that founded it`,
    ];
  }
  for (const exposure of [join, link])
    if (exposure.state === "pending") return [false, "Pending", exposure.message];
  return [true, "Ready", ""];
}
