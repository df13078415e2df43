import { readFileSync, statSync } from "node:fs";

/**
 * A token in a file that someone else replaces (projected service account tokens rotate each hour). Looks at the file
 * before each use and reads it again when it changed; keeps the last token while the file cannot be read, because a
 * replacement in progress is no reason to lose access.
 */
export class TokenFile {
  readonly #path: string;
  #stamp = "";
  #token: string | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** The current token; undefined as long as the file was never readable. */
  read(): string | undefined {
    try {
      // Follows the symbolic links that kubelet swaps: the inode changes even when times are equal.
      const { mtimeMs, ino, size } = statSync(this.#path);
      const stamp = `${ino}:${mtimeMs}:${size}`;
      if (stamp !== this.#stamp) {
        const token = readFileSync(this.#path, "utf8").trim();
        if (token !== "") {
          this.#token = token;
          this.#stamp = stamp;
        }
      }
    } catch {
      // Keep the last one.
    }
    return this.#token;
  }
}
