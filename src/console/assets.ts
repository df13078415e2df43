import { IsthmusError } from "#core/errors.ts";
import { type AssetTexts, EMBEDDED } from "./embedded-assets.ts";

export interface ConsoleAsset {
  readonly body: Uint8Array<ArrayBuffer>;
  /** For content-type. */
  readonly type: string;
  /** Quoted, of the body. */
  readonly etag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/**
 * The console's files by URL path: `/index.html`, and what it asks for. What is under `/assets/` has its hash in its name, so it may
 * be cached for ever. From a checkout they are built from source, in about 0.1 s; the binary has them inside.
 */
export async function consoleAssets(): Promise<ReadonlyMap<string, ConsoleAsset>> {
  const texts = EMBEDDED ?? (await buildAssets());
  return new Map(
    Object.entries(texts).map(([path, text]) => {
      const type = TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream";
      const etag = `"${Bun.hash(text).toString(36)}"`;
      return [path, { body: new TextEncoder().encode(text), type, etag }];
    }),
  );
}

/** Builds the console from source. Throws INTERNAL with what the bundler says. */
export async function buildAssets(): Promise<AssetTexts> {
  const result = await Bun.build({
    entrypoints: [ui("main.tsx"), ui("theme.ts"), ui("styles/main.css")],
    root: ui(""),
    target: "browser",
    format: "esm",
    minify: true,
    // The charts come with the view that has them.
    splitting: true,
    throw: false,
    naming: { entry: "[name]-[hash].[ext]", chunk: "chunk-[hash].[ext]" },
    define: { "process.env.NODE_ENV": '"production"' },
    jsx: { runtime: "automatic", importSource: "preact", development: false },
  });
  if (!result.success) {
    throw new IsthmusError(
      "INTERNAL",
      `The console does not build: ${result.logs.map((log) => log.message).join("; ")}`,
    );
  }
  const texts: Record<string, string> = {};
  const named = new Map<string, string>();
  for (const artifact of result.outputs) {
    const file = `/assets/${artifact.path.replace(/^.*\//, "")}`;
    if (artifact.kind === "entry-point" || file.endsWith(".css")) named.set(entryOf(file), file);
    texts[file] = await artifact.text();
  }
  const page = await Bun.file(ui("index.html")).text();
  texts["/index.html"] = page.replaceAll(/\{\{([\w.]+)\}\}/g, (_, name: string) => {
    const file = named.get(name);
    if (file === undefined) throw new IsthmusError("INTERNAL", `The console has no ${name}`);
    return file;
  });
  texts["/icon.svg"] = await Bun.file(ui("icon.svg")).text();
  return texts;
}

function ui(path: string): string {
  return new URL(`ui/${path}`, import.meta.url).pathname;
}

/** `/assets/main-1a2b3c.js` is of `main.js`. */
function entryOf(file: string): string {
  return file.replace(/^\/assets\/(.*)-[^-]+(\.\w+)$/, "$1$2");
}
