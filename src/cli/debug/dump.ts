import { chmod } from "node:fs/promises";
import { systemClock } from "#core/clock.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { requireSite } from "../site.ts";
import type { Session } from "../session.ts";
import { gather } from "./gather.ts";

export interface DumpOptions {
  readonly output?: string;
  readonly logLines?: number;
}

const LOG_LINES = 5000;

/**
 * Writes a tar file with what helps to find a fault; prints its name. Throws INVALID when the file cannot be written, and what reading
 * the Site throws; all else that cannot be read is told of in the dump.
 */
export async function dump(options: DumpOptions, session: Session): Promise<void> {
  const { io, progress, namespace } = session;
  const site = await requireSite(session);
  const stamp = new Date(systemClock.now()).toISOString().slice(0, 19).replaceAll(":", "");
  const name = `isthmus-dump-${site.metadata.name}-${namespace}-${stamp}`;
  const file = options.output ?? `${name}.tar.gz`;
  try {
    const clock = systemClock;
    const logLines = options.logLines ?? LOG_LINES;
    const files = await gather({ session, clock, logLines }, (what) => progress.say(`Reading ${what}`));
    const entries = Object.fromEntries([...files].map(([path, text]) => [`${name}/${path}`, text]));
    await writeArchive(file, entries);
    progress.end();
    io.out(`${file}\n`);
    if (files.has("errors.txt"))
      io.err(`Not all could be read: see errors.txt in it, tar -xzOf ${file} ${name}/errors.txt\n`);
  } finally {
    progress.end();
  }
}

/** For the user's eyes only. */
async function writeArchive(file: string, entries: Record<string, string>): Promise<void> {
  const bytes = await new Bun.Archive(entries, { compress: "gzip" }).bytes();
  try {
    await Bun.write(file, bytes, { mode: 0o600, createPath: false });
    await chmod(file, 0o600);
  } catch (error) {
    throw new IsthmusError("INVALID", `Cannot write "${file}": ${messageOf(error)}`, {
      hint: "isthmus debug dump --output /tmp/isthmus-dump.tar.gz",
      cause: error,
    });
  }
}
