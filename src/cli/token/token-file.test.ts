import { expect, test } from "bun:test";
import { formatTokenFile, parseTokenFile, tokenFile } from "./token-file.ts";

const CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const NEW = {
  name: "token-1234",
  code: "a-code-of-many-characters",
  url: "https://127.1.240.1:7444",
  ca: CA,
  network: "n1",
  linkName: "c1",
  linkCost: 4,
};

test("a token that was written is read again, and kubectl could apply it", () => {
  const text = formatTokenFile(tokenFile(NEW));
  const { secret, token } = parseTokenFile(text, "c1.yaml");
  expect(secret).toEqual({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "token-1234" },
    type: "Opaque",
    stringData: { code: NEW.code },
  });
  expect(token.apiVersion).toBe("isthmus.dev/v1alpha1");
  expect(token.spec).toEqual({
    url: NEW.url,
    ca: CA,
    network: "n1",
    codeSecret: "token-1234",
    linkName: "c1",
    linkCost: 4,
  });
  expect(text.startsWith("apiVersion: v1\nkind: Secret\n")).toBe(true);
});

test("what is not a token is refused with the file, what is wrong and the next command", () => {
  const good = formatTokenFile(tokenFile(NEW));
  const cases: [string, string][] = [
    ["", '"t.yaml" is not a token: no AccessToken in it'],
    ["just text", '"t.yaml" is not a token: no AccessToken in it'],
    ["a: [1", '"t.yaml" is not a token: '],
    [good.slice(good.indexOf("---")), 'the Secret "token-1234" with the code is missing'],
    [good.replace("linkCost: 4", "linkCost: 4000"), "spec.linkCost"],
    [good.replace("linkCost: 4", "linkkost: 4"), "spec.linkkost"],
    [good.replace("https://", "ftp://"), "spec.url"],
  ];
  for (const [text, message] of cases) {
    expect(() => parseTokenFile(text, "t.yaml")).toThrow(message);
    try {
      parseTokenFile(text, "t.yaml");
    } catch (error) {
      expect(error).toMatchObject({
        code: "INVALID",
        hint: "Make one in the site to link to: isthmus token create FILE",
      });
      expect(String(error)).not.toContain("\n");
    }
  }
});
