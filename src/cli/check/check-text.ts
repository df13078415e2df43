import type { CheckCategory, CheckResult } from "#observe/views.ts";
import type { Style } from "../output/style.ts";

export interface CheckTextOptions {
  readonly style: Style;
  readonly unicode: boolean;
}

type Result = CheckResult["result"];

const MARKS: Readonly<Record<Result, string>> = { ok: "√", warning: "‼", failed: "×", skipped: "-" };
const ASCII: Readonly<Record<Result, string>> = {
  ok: "[ok]  ",
  warning: "[warn]",
  failed: "[fail]",
  skipped: "[skip]",
};

/** One category: its heading, a line a check, and under what is not well why, and what to type. */
export function categoryText({ category, checks }: CheckCategory, options: CheckTextOptions): string {
  const { style } = options;
  return `${style.bold(category)}\n${checks.map((check) => checkText(check, options)).join("")}`;
}

function checkText(check: CheckResult, { style, unicode }: CheckTextOptions): string {
  const { name, result, message, hint } = check;
  const mark = (unicode ? MARKS : ASCII)[result];
  const indent = " ".repeat(mark.length + 3);
  if (result === "ok") {
    return `  ${style.good(mark)} ${name}${message === undefined ? "" : style.dim(`: ${message}`)}\n`;
  }
  if (result === "skipped") {
    const next = hint === undefined ? "" : `\n${indent}${style.dim(`hint: ${hint}`)}`;
    return `  ${style.dim(`${mark} ${name}${message === undefined ? "" : `: ${message}`}`)}${next}\n`;
  }
  const paint = result === "failed" ? style.bad : style.warn;
  return [
    `  ${paint(`${mark} ${name}`)}`,
    ...(message === undefined ? [] : [`${indent}${message}`]),
    ...(hint === undefined ? [] : [`${indent}${style.accent("hint:")} ${hint}`]),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

/** `17 checks are ok, 1 warning, 2 failed, 3 skipped` */
export function summaryText(categories: readonly CheckCategory[], { style }: CheckTextOptions): string {
  const all = categories.flatMap(({ checks }) => checks);
  const count = (result: Result): number => all.filter((check) => check.result === result).length;
  const [fine, warnings, failures, skips] = [
    count("ok"),
    count("warning"),
    count("failed"),
    count("skipped"),
  ];
  const parts = [
    `${fine} ${fine === 1 ? "check is" : "checks are"} ok`,
    ...(warnings === 0 ? [] : [style.warn(`${warnings} ${warnings === 1 ? "warning" : "warnings"}`)]),
    ...(failures === 0 ? [] : [style.bad(`${failures} failed`)]),
    ...(skips === 0 ? [] : [`${skips} skipped`]),
  ];
  return `${parts.join(", ")}\n`;
}
