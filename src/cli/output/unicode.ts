import type { Io } from "../io.ts";

/** Whether the user's locale can show more than ASCII: the first that is set of LC_ALL, LC_CTYPE and LANG decides (POSIX). */
export function showsUnicode({ env }: Pick<Io, "env">): boolean {
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => (value ?? "") !== "");
  return /utf-?8/i.test(locale ?? "");
}
