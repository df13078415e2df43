import { expect, test } from "bun:test";
import { countsOf, countsText, expectOnly } from "./client-pod.ts";

const answer = (cluster: string): string => `{"pod":"nginx-x","cluster":"${cluster}","path":"/"}`;

test("answers are counted by cluster, and what is no answer of the app is nobody's", () => {
  const text = `     17 ${answer("cluster-a")}\n      1 ${answer("cluster-z")}\n      2 \n`;
  const counts = countsOf(text);
  expect([...counts]).toEqual([
    ["cluster-a", 17],
    ["nobody", 3],
  ]);
  expect(countsText(counts)).toBe("cluster-a 17, nobody 3");
  expect(countsText(countsOf(""))).toBe("no answer");
});

test("one answer of another cluster, or one too few, is not as promised", () => {
  expect(expectOnly(new Map([["cluster-b", 20]]), "cluster-b", 20)).toBe("cluster-b 20");
  for (const counts of [
    new Map([
      ["cluster-b", 19],
      ["cluster-a", 1],
    ]),
    new Map([["cluster-b", 19]]),
    new Map<string, number>(),
  ])
    expect(() => expectOnly(counts, "cluster-b", 20)).toThrow("expected 20 answers of cluster-b");
});
