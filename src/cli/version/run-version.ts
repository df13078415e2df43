import { VERSION } from "#core/version.ts";
import type { Io } from "../io.ts";
import { type ObjectFormat, printValue } from "../output/objects.ts";

export interface VersionOptions {
  readonly output?: ObjectFormat;
}

export function runVersion({ output }: VersionOptions, io: Io): void {
  const version = {
    version: VERSION,
    runtime: `bun ${Bun.version}`,
    platform: `${process.platform}/${process.arch}`,
  };
  if (output === undefined) io.out(`isthmus ${version.version} (${version.runtime}, ${version.platform})\n`);
  else printValue(version, output, io);
}
