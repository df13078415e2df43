/** Debian's `dig` (bind9-dnsutils), which knows nothing of our code; undefined where it is not and cannot be installed. */
export async function findDig(): Promise<string | undefined> {
  const found = Bun.which("dig");
  if (found !== null) return found;
  if (process.getuid?.() === 0 && Bun.which("apt-get") !== null) {
    const install = Bun.spawn(["apt-get", "install", "-y", "--no-install-recommends", "bind9-dnsutils"], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    const timer = setTimeout(() => install.kill(), 40_000);
    await install.exited;
    clearTimeout(timer);
  }
  return Bun.which("dig") ?? undefined;
}

/** Runs dig against a port of this machine; returns what it prints. */
export async function dig(
  program: string,
  options: { readonly port: number; readonly words: string },
): Promise<string> {
  const words = [
    "@127.0.0.1",
    "-p",
    String(options.port),
    "+tries=1",
    "+timeout=3",
    ...options.words.split(" "),
  ];
  const child = Bun.spawn([program, ...words], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  return await new Response(child.stdout).text();
}
