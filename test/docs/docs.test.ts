/** The documentation is true: its commands parse, its YAML is valid, its links lead somewhere, its tables are complete. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { Glob } from "bun";
import { parseAllDocuments } from "yaml";
import { isKind, parseObject } from "#api/registry.ts";
import { MemoryIo } from "#cli/testing/memory-io.ts";
import { runCli } from "#cli/main.ts";
import { buildProgram } from "#cli/program.ts";
import { ERROR_CODES } from "#core/errors.ts";
import { parseConfig } from "#router/config.ts";

const root = resolve(import.meta.dir, "../..");
const pages = ["*.md", "docs/*.md", "examples/*/README.md", "src/*/README.md"]
  .flatMap((pattern) => [...new Glob(pattern).scanSync(root)])
  .toSorted();

function blocks(page: string, language: string): string[] {
  const text = readFileSync(`${root}/${page}`, "utf8");
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, lang]) => lang === language)
    .map(([, , body = ""]) => body);
}

/** Walks the words of a command line down the tree of commands; returns what the program does not know. */
function unknownWords(line: string): string[] {
  let command: Command = buildProgram(new MemoryIo());
  const unknown: string[] = [];
  const words = line.match(/"[^"]*"|\S+/g) ?? [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    if (/^[|>#;)]/.test(word)) break;
    if (word.startsWith("-") && word.length > 1) {
      const name = word.split("=")[0] ?? word;
      const option = [command, ...parents(command)]
        .flatMap((one) => one.options)
        .find((one) => one.long === name || one.short === name);
      if (option === undefined) unknown.push(name);
      else if (option.required && !word.includes("=")) i++;
      continue;
    }
    const next = command.commands.find((one) => one.name() === word);
    if (next !== undefined) command = next;
    else if (command.commands.length > 0) unknown.push(word);
  }
  return unknown;
}

function parents(command: Command): Command[] {
  return command.parent === null ? [] : [command.parent, ...parents(command.parent)];
}

test("every isthmus command on a page is one that the program knows, with its options", () => {
  let seen = 0;
  const problems: string[] = [];
  for (const page of pages) {
    for (const block of [...blocks(page, ""), ...blocks(page, "sh")]) {
      for (const line of block.split("\n")) {
        for (const [, command = ""] of line.matchAll(
          /(?:^|[|$(;]\s*|\$ )(?:\.\/)?isthmus ((?:[^|)#;]|\$\()*)/g,
        )) {
          seen++;
          const unknown = unknownWords(command);
          if (unknown.length > 0) problems.push(`${page}: isthmus ${command.trim()}: ${unknown.join(", ")}`);
        }
      }
    }
  }
  expect(problems).toEqual([]);
  expect(seen).toBeGreaterThan(25);
});

test("docs/cli.md has every command that help shows, by its full name", () => {
  const page = readFileSync(`${root}/docs/cli.md`, "utf8");
  const missing: string[] = [];
  const walk = (command: Command, words: readonly string[]): void => {
    const visible = command.createHelp().visibleCommands(command);
    const below = visible.filter((one) => one.name() !== "help");
    for (const one of below) walk(one, [...words, one.name()]);
    const name = words.join(" ");
    if (below.length === 0 && !new RegExp(`[\`\n]${name}[ \`]`).test(page)) missing.push(name);
  };
  walk(buildProgram(new MemoryIo()), []);
  expect(missing).toEqual([]);
});

test("every policy that a page sets is one that the resource allows", async () => {
  const env = { KUBECONFIG: `${root}/src/cli/testing/nowhere.yaml` };
  const lines = pages.flatMap((page) =>
    [...blocks(page, ""), ...blocks(page, "sh")]
      .flatMap((block) => [...block.matchAll(/\bpolicy set ([^#|\n]*)/g)])
      .map(([, words = ""]) => ({ page, words: words.trim() })),
  );
  expect(lines.length).toBeGreaterThan(10);
  for (const { page, words } of lines) {
    const io = new MemoryIo({ env });
    // oxlint-disable-next-line no-await-in-loop -- one after the other is fast enough
    const code = await runCli(["policy", "set", ...words.split(/\s+/), "-o", "yaml"], io);
    expect({ page, words, code, err: io.stderr }).toEqual({ page, words, code: 0, err: "" });
    expect(io.stdout).toContain("kind: TrafficPolicy");
  }
});

test("every YAML example is a valid resource or a valid router configuration", () => {
  let seen = 0;
  const sources = [
    ...pages.flatMap((page) => blocks(page, "yaml").map((text) => ({ page, text }))),
    ...[...new Glob("examples/**/*.yaml").scanSync(root)].map((page) => ({
      page,
      text: readFileSync(`${root}/${page}`, "utf8"),
    })),
  ];
  for (const { page, text } of sources) {
    for (const document of parseAllDocuments(text, { uniqueKeys: true })) {
      const value: unknown = document.toJS();
      const kind = typeof value === "object" && value !== null && "kind" in value ? value.kind : undefined;
      if (typeof kind === "string" && isKind(kind)) expect(() => parseObject(kind, value)).not.toThrow();
      else if (kind === undefined)
        expect({ page, result: parseConfig(value) }).toMatchObject({ page, result: { ok: true } });
      seen++;
    }
  }
  expect(seen).toBeGreaterThan(5);
});

test("every link to a file leads to one", () => {
  const missing: string[] = [];
  expect(pages.length).toBeGreaterThan(10);
  for (const page of pages) {
    for (const [, target = ""] of readFileSync(`${root}/${page}`, "utf8").matchAll(
      /\]\(([^)#]+)(?:#[^)]*)?\)/g,
    )) {
      if (!/^https?:/.test(target) && !existsSync(resolve(root, dirname(page), target)))
        missing.push(`${page}: ${target}`);
    }
  }
  expect(missing).toEqual([]);
});

test("docs/errors.md has every error code with its exit code, and dependencies.md every dependency", () => {
  const errors = readFileSync(`${root}/docs/errors.md`, "utf8");
  for (const [code, { exit }] of Object.entries(ERROR_CODES))
    expect(errors).toContain(`</a>${code} | ${exit} |`);
  const manifest: { dependencies: object; devDependencies: object } = JSON.parse(
    readFileSync(`${root}/package.json`, "utf8"),
  );
  const reasons = readFileSync(`${root}/docs/dependencies.md`, "utf8");
  for (const name of [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)])
    expect(reasons).toContain(`\`${name}\``);
});
