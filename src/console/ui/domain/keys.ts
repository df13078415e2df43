/** How long the second key of a sequence may take, ms. */
export const SEQUENCE_MS = 1200;

/** Finds what was typed among shortcuts such as `g n`, `/` or `?`. */
export class KeyMatcher {
  #before = "";
  #beforeMs = 0;

  /** The shortcut that this key completes. */
  press(
    key: string,
    options: { readonly atMs: number; readonly shortcuts: readonly string[] },
  ): string | undefined {
    const { atMs, shortcuts } = options;
    const sequence = atMs - this.#beforeMs < SEQUENCE_MS ? `${this.#before} ${key}` : key;
    this.#before = "";
    if (shortcuts.includes(sequence)) return sequence;
    if (shortcuts.some((shortcut) => shortcut.startsWith(`${key} `))) {
      this.#before = key;
      this.#beforeMs = atMs;
      return undefined;
    }
    return shortcuts.includes(key) ? key : undefined;
  }
}
