import { expect, test } from "bun:test";
import { Glob } from "bun";

const root = new URL("..", import.meta.url).pathname;

test("outside of development the runtime lets two processes share a port: every server of ours says that it does not", async () => {
  const silent: string[] = [];
  for await (const path of new Glob("src/**/*.ts").scan(root)) {
    const text = await Bun.file(root + path).text();
    for (const [, server = ""] of text.matchAll(/development: false,([^}]*)/g))
      if (!/^\s*(?:\/\/[^\n]*\s*)*reusePort: false/.test(server)) silent.push(path);
  }
  expect(silent).toEqual([]);
});
