import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "#core/clock.ts";
import { IsthmusError } from "#core/errors.ts";
import { writeFileAtomic } from "#core/file.ts";
import { addressPlan } from "./node/services/addresses.ts";

const CERTIFICATE_DAYS = 3650;
const NAMES = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
const WAIT_MS = 20_000;
const POLL_MS = 2;

/** What a cluster's API server shows and what its administrator shows to it. PEM, but for the token. */
export interface Credentials {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  readonly token: string;
}

const fileOf = (dir: string): string => join(dir, "credentials.json");

/** Makes a cluster's credentials unless it has some: a kubeconfig stays good while the cluster hibernates. */
export async function ensureCredentials(dir: string, index: number): Promise<void> {
  if (existsSync(fileOf(dir))) return;
  // The certificate library is the heaviest thing to load: only who makes credentials does.
  const { createServerCertificate } = await import("#pki/tls-server.ts");
  const { node, kubernetes } = addressPlan(index);
  const hosts = [node, kubernetes, ...NAMES];
  const made = await createServerCertificate({ hosts, now: systemClock.now(), days: CERTIFICATE_DAYS });
  const token = `isthmus-admin-${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url")}`;
  const credentials: Credentials = { ca: made.ca, certificate: made.certificate, key: made.key, token };
  writeFileAtomic(fileOf(dir), JSON.stringify(credentials));
}

/** Reads a cluster's credentials as soon as `sandbox up` has made them. */
export async function readCredentials(dir: string): Promise<Credentials> {
  const until = systemClock.monotonicMs() + WAIT_MS;
  while (!existsSync(fileOf(dir))) {
    if (systemClock.monotonicMs() > until) {
      throw new IsthmusError("TIMEOUT", `There are no credentials in "${dir}"`, {
        hint: "isthmus sandbox up NAME",
      });
    }
    await Bun.sleep(POLL_MS);
  }
  return JSON.parse(readFileSync(fileOf(dir), "utf8")) as Credentials;
}
