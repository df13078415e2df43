import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const CHECKOUT = resolve(dirname(fileURLToPath(import.meta.url)), "../../../..");

/** The JSON files of a corpus, with their names; undefined, and a notice, where the corpora are not beside the checkout. */
export function readCorpus(name: string): { name: string; content: unknown }[] | undefined {
  const folder = join(CHECKOUT, "../shared/corpora", name);
  if (!existsSync(folder)) {
    process.stdout.write(`notice: the corpus ${name} is not there, its tests are skipped\n`);
    return undefined;
  }
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".json"))
    .toSorted()
    .map((file) => ({
      name: file,
      content: JSON.parse(readFileSync(join(folder, file), "utf8")) as unknown,
    }));
}
