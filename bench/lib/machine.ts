/** What the machine itself does to latency: where other machines share its cores, these stand still now and then. */

/** How a command is run on one core. */
type Pin = (command: readonly string[]) => readonly string[];

/**
 * The share of all moments (0 to 1) in which what comes would wait for more than `ms` for one of these cores alone, with nothing to do on
 * it. Where it is above 0.01 no program's 99th percentile can be below `ms`.
 */
export async function stalledShare(
  cores: readonly Pin[],
  options: { ms: number; seconds: number },
): Promise<number> {
  const spin = new URL("./spin.ts", import.meta.url).pathname;
  const words = [process.execPath, spin, String(options.seconds), String(options.ms)];
  const shares = await Promise.all(
    cores.map(async (pin) => {
      const child = Bun.spawn([...pin(words)], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
      return Number(await new Response(child.stdout).text());
    }),
  );
  return shares.reduce((sum, share) => sum + share, 0);
}
