/** Makes the one binary: `npm run build` writes dist/isthmus, with the runtime and the console's files inside. */
import { buildAssets } from "#console/assets.ts";

const root = new URL("..", import.meta.url).pathname;
const assets = await buildAssets();
const result = await Bun.build({
  entrypoints: [`${root}src/bin/isthmus.ts`],
  compile: { outfile: `${root}dist/isthmus` },
  minify: true,
  sourcemap: "inline",
  throw: false,
  plugins: [
    {
      name: "console assets",
      setup(build) {
        build.onLoad({ filter: /\/src\/console\/embedded-assets\.ts$/ }, () => ({
          contents: `export const EMBEDDED = ${JSON.stringify(assets)};`,
          loader: "js",
        }));
      },
    },
  ],
});
for (const log of result.logs) console.error(log.message);
console.log(result.success ? "dist/isthmus" : "build failed");
process.exit(result.success ? 0 : 1);
