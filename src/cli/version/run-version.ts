import { IsthmusError } from "#core/errors.ts";
import type { Io } from "../io.ts";
import { VERSION } from "./version.ts";

export async function runVersion(options: { readonly output?: string }, io: Io): Promise<void> {
  const version = {
    version: VERSION,
    runtime: `bun ${Bun.version}`,
    platform: `${process.platform}/${process.arch}`,
  };
  switch (options.output) {
    case undefined:
      io.out(`isthmus ${version.version} (${version.runtime}, ${version.platform})\n`);
      return;
    case "json":
      io.out(`${JSON.stringify(version, undefined, 2)}\n`);
      return;
    case "yaml":
      io.out((await import("yaml")).stringify(version));
      return;
    default:
      throw new IsthmusError("USAGE", `Unknown output format "${options.output}": expected json or yaml`);
  }
}
