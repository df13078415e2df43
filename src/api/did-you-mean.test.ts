import { expect, test } from "bun:test";
import { didYouMean } from "./did-you-mean.ts";

test("a word with letters swapped, dropped, added or replaced is recognised", () => {
  const known = ["endpoints", "cost", "lanes", "site"];
  for (const word of ["endpoint", "endponits", "ednpoints", "Endpoints", "endpointss", "emdpoints"]) {
    expect(didYouMean(word, known)).toBe("endpoints");
  }
  expect(didYouMean("lane", known)).toBe("lanes");
  expect(didYouMean("csot", known)).toBe("cost");
  expect(didYouMean("cots", known)).toBe("cost");
});

test("a word that is not near to any gets no suggestion", () => {
  expect(didYouMean("replicas", ["endpoints", "cost", "lanes", "site"])).toBeUndefined();
  expect(didYouMean("a", ["b"])).toBe("b");
  expect(didYouMean("ab", ["cd"])).toBeUndefined();
  expect(didYouMean("x".repeat(100_000), ["endpoints"])).toBeUndefined();
});
