import { describe, expect, test } from "bun:test";
import { identityOfSubjectAltName, parseSiteUri, siteUri } from "./identity.ts";

describe("siteUri", () => {
  test("is read back by parseSiteUri", () => {
    for (const identity of [
      { network: "n1", siteId: "s1" },
      { network: "a", siteId: "0198c7e0-1f2b-7c3d-9e4f-5a6b7c8d9e0f" },
      { network: "net.example_1", siteId: "x".repeat(64) },
    ]) {
      expect(parseSiteUri(siteUri(identity))).toEqual(identity);
    }
    expect(siteUri({ network: "n1", siteId: "s1" })).toBe("isthmus://n1/site/s1");
  });

  test.each(["", "a/b", "a b", "..", "-a", "a-", "a%2fb", "ä", "x".repeat(65), "a\n", "a,URI:b", 'a"'])(
    "refuses %j as an id",
    (id) => {
      expect(() => siteUri({ network: id, siteId: "s" })).toThrow("as a network id");
      expect(() => siteUri({ network: "n", siteId: id })).toThrow("as a site id");
      expect(parseSiteUri(`isthmus://n/site/${id}`)).toBeUndefined();
      expect(parseSiteUri(`isthmus://${id}/site/s`)).toBeUndefined();
    },
  );

  test.each([
    "isthmus://n/site/s/",
    "isthmus://n/site/s?x",
    "isthmus://n/site/s#x",
    "ISTHMUS://n/site/s",
    "isthmus://n/Site/s",
    "isthmus://n:1/site/s",
    "isthmus://u@n/site/s",
    "isthmus:/n/site/s",
    "https://n/site/s",
    " isthmus://n/site/s",
    "isthmus://n/site/s ",
  ])("parseSiteUri refuses %j", (text) => {
    expect(parseSiteUri(text)).toBeUndefined();
  });
});

describe("identityOfSubjectAltName", () => {
  const identity = { network: "n", siteId: "s" };

  test.each([
    "URI:isthmus://n/site/s",
    "URI:isthmus://n/site/s, DNS:link.isthmus.internal",
    "DNS:a, IP Address:127.0.0.1, URI:isthmus://n/site/s",
  ])("finds the site in %j", (text) => expect(identityOfSubjectAltName(text)).toEqual(identity));

  test.each([
    undefined,
    "",
    "DNS:a",
    "DNS:isthmus://n/site/s",
    "URI:isthmus://n/site/s, URI:isthmus://n/site/t",
    "URI:https://x, URI:isthmus://n/site/s",
    'DNS:"a, URI:isthmus://n/site/s"',
    'URI:"isthmus://n/site/s, DNS:x"',
    'URI:"isthmus://n/site/s"',
    "URI:isthmus://n/site/s,DNS:x",
    "garbage",
    'DNS:"unterminated, URI:isthmus://n/site/s',
  ])("finds none in %j", (text) => {
    expect(identityOfSubjectAltName(text)).toBeUndefined();
  });
});
