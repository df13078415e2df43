import { expect, test } from "bun:test";
import type { Secret } from "#api/builtin.ts";
import { publicObject, Redactor, secretFacts } from "./redact.ts";

const PEM =
  "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEG\nCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n";

function secret(data: Record<string, string>, labels: Record<string, string> = {}): Secret {
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s", namespace: "shop", labels },
    type: "Opaque",
    data: Object.fromEntries(encoded),
  };
}

test("of a Secret only names, keys and sizes are told", () => {
  expect(secretFacts(secret({ code: "geheim-geheim", other: "x" }))).toEqual({
    name: "s",
    type: "Opaque",
    keys: [
      { key: "code", bytes: 13 },
      { key: "other", bytes: 1 },
    ],
  });
});

test("values are taken out of any text: plain, in base64, in JSON, and each line of a PEM", () => {
  const redactor = new Redactor();
  redactor.add(secret({ code: 'geheim-"geheim"', key: PEM, yes: "true" }));
  const text = [
    'code=geheim-"geheim"',
    `b64=${Buffer.from('geheim-"geheim"').toString("base64")}`,
    JSON.stringify({ code: 'geheim-"geheim"', key: PEM }),
    PEM,
    "true",
  ].join("\n");
  const cleaned = redactor.clean(text);
  expect(cleaned).not.toContain("geheim");
  expect(cleaned).not.toContain("MIGHAg");
  expect(cleaned).not.toContain("CCqGSM");
  expect(cleaned).toContain("code=(redacted)");
  expect(cleaned).toEndWith("\ntrue");
});

test("of its own Secrets what statuses show anyway stays readable, and the rest does not", () => {
  const redactor = new Redactor();
  redactor.add(
    secret({ network: "net-1234567", token: "token-1234567" }, { "app.kubernetes.io/managed-by": "isthmus" }),
  );
  expect(redactor.clean("net-1234567 token-1234567")).toBe("net-1234567 (redacted)");
  redactor.add(secret({ network: "net-1234567" }));
  expect(redactor.clean("net-1234567")).toBe("(redacted)");
});

test("objects lose what was once applied and the hash of a code; a Secret is never taken as an object", () => {
  const applied = "kubectl.kubernetes.io/last-applied-configuration";
  const metadata = { name: "g", annotations: { [applied]: "{}", kept: "1" }, managedFields: [{}] };
  const shown = publicObject({
    apiVersion: "v1",
    kind: "AccessGrant",
    metadata,
    spec: { codeHash: "ab", n: 1 },
  });
  expect(JSON.parse(JSON.stringify(shown))).toEqual({
    apiVersion: "v1",
    kind: "AccessGrant",
    metadata: { name: "g", annotations: { kept: "1" } },
    spec: { codeHash: "(redacted)", n: 1 },
  });
  expect(() => publicObject(secret({}))).toThrow();
});
