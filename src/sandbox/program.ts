/** How to start this program again: the runtime and its entry, or the compiled binary alone. */
export function programCommand(): readonly string[] {
  return Bun.main.startsWith("/$bunfs/") ? [process.execPath] : [process.execPath, Bun.main];
}
