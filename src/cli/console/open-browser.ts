import type { Io } from "../io.ts";

/** Opens the page where somebody sits: on a terminal of a machine with a screen. Quietly does nothing elsewhere. */
export function openBrowser(url: string, io: Io): void {
  const opener = process.platform === "darwin" ? "open" : "xdg-open";
  const hasScreen =
    process.platform === "darwin" ||
    io.env["DISPLAY"] !== undefined ||
    io.env["WAYLAND_DISPLAY"] !== undefined;
  if (!io.outIsTerminal || !hasScreen || Bun.which(opener) === null) return;
  try {
    Bun.spawn([opener, url], { stdio: ["ignore", "ignore", "ignore"] }).unref();
  } catch {
    // The address was printed.
  }
}
