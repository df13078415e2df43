/** Makes the one binary: `npm run build` writes dist/isthmus, with the runtime inside. */
const root = new URL("..", import.meta.url).pathname;
const result = await Bun.build({
  entrypoints: [`${root}src/bin/isthmus.ts`],
  compile: { outfile: `${root}dist/isthmus` },
  minify: true,
  sourcemap: "inline",
});
for (const log of result.logs) console.error(log.message);
console.log(result.success ? "dist/isthmus" : "build failed");
process.exit(result.success ? 0 : 1);
