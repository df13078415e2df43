/** Words that start this very program again: the runtime and the entry, or the binary alone when it is compiled. */
export function programWords(): string[] {
  return Bun.main.startsWith("/$bunfs/") ? [process.execPath] : [process.execPath, Bun.main];
}
