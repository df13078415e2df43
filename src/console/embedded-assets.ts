/** Text of each of the console's files by its URL path. */
export type AssetTexts = Readonly<Record<string, string>>;

/** The console's files in the compiled binary: tools/build.ts puts them in place of this file. A checkout has none, and builds them. */
export const EMBEDDED = undefined as AssetTexts | undefined;
