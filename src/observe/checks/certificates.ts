import type { Secret } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { formatAge } from "#core/duration.ts";
import { validityOf } from "#pki/verify.ts";
import { CONTROL_SECRET, CONTROLLER, IDENTITY_SECRET } from "#site/names.ts";
import { type Category, type Check, failed, ok, skipped, type Verdict, warning } from "./check.ts";
import type { Facts } from "./facts.ts";

/** Of the life of a certificate. They are renewed at half of it, so that a quarter is left only when renewing fails. */
const WARN_BELOW = 0.25;

/** The certificates of one Secret that are public, by their keys; private keys are not even decoded. */
interface Held {
  readonly secret: string;
  readonly keys: readonly string[];
  readonly absent: (facts: Facts) => Verdict;
  readonly hint: (facts: Facts) => string;
}

function certificateCheck(name: string, { secret, keys, absent, hint }: Held): Check {
  return {
    name,
    async run(facts) {
      const found = await facts.find<Secret>(RESOURCES.secrets, secret);
      const pems = keys.flatMap((key) => found?.data?.[key] ?? []).map(textOf);
      if (found === undefined) return absent(facts);
      if (pems.length < keys.length)
        return failed(`Secret "${secret}" has no ${keys.join(" and ")}`, hint(facts));
      return validity(pems, { facts, hint: hint(facts) });
    },
  };
}

/** The worst of them. */
function validity(pems: readonly string[], { facts, hint }: { facts: Facts; hint: string }): Verdict {
  const nowMs = facts.clock.now();
  const first = pems.map(validityOf).toSorted((a, b) => a.notAfter - b.notAfter)[0];
  if (first === undefined) return failed("No certificate", hint);
  const { notBefore, notAfter } = first;
  const until = new Date(notAfter).toISOString();
  if (notAfter <= nowMs) return failed(`Ended ${formatAge(nowMs - notAfter)} ago, at ${until}`, hint);
  if (notBefore > nowMs)
    return failed(`Begins only at ${new Date(notBefore).toISOString()}: is the clock right?`, hint);
  const left = `${formatAge(notAfter - nowMs)} left, until ${until}`;
  if (notAfter - nowMs < (notAfter - notBefore) * WARN_BELOW)
    return warning(`${left}: less than a quarter of its life, so renewing has failed`, hint);
  return ok(left);
}

const noNetwork = (): Verdict => skipped("The site is in no network yet");
const renewHint = (facts: Facts): string =>
  `See why: ${facts.kubectl(`logs deployment/${CONTROLLER}`)}; or redeem a new token: ${facts.command("link create FILE")}`;

const own = certificateCheck("site certificate is valid", {
  secret: IDENTITY_SECRET,
  keys: ["client.crt", "server.crt"],
  absent: noNetwork,
  hint: renewHint,
});

const root = certificateCheck("network authority is valid", {
  secret: IDENTITY_SECRET,
  keys: ["trust"],
  absent: noNetwork,
  hint: () => "Found a new network: isthmus uninstall and isthmus init at each site",
});

const control = certificateCheck("controller's own certificates are valid", {
  secret: CONTROL_SECRET,
  keys: ["tls.crt", "join-tls.crt"],
  absent: (facts) =>
    failed(`There is no Secret "${CONTROL_SECRET}"`, facts.kubectl(`logs deployment/${CONTROLLER}`)),
  hint: (facts) => `The controller makes it anew: ${facts.kubectl(`delete secret ${CONTROL_SECRET}`)}`,
});

export const certificates: Category = { category: "Certificates", checks: [own, root, control] };

function textOf(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}
