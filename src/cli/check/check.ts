import { systemClock } from "#core/clock.ts";
import { formatAge } from "#core/duration.ts";
import { passed, runChecks, type RunChecksOptions } from "#observe/checks/run-checks.ts";
import type { CheckCategory } from "#observe/views.ts";
import { type WaitOptions, waitMs } from "../flags.ts";
import { printValue } from "../output/objects.ts";
import { styleFor } from "../output/style.ts";
import { showsUnicode } from "../output/unicode.ts";
import { SilentExit } from "../report-error.ts";
import type { Session } from "../session.ts";
import { categoryText, type CheckTextOptions, summaryText } from "./check-text.ts";

export interface CheckOptions extends WaitOptions {
  readonly pre?: boolean;
  readonly output?: "table" | "json" | "yaml";
}

const PERIOD_MS = 1000;

/**
 * Checks a site, or with `pre` what installing one needs, and prints each category as it is known. Ends with exit code 1 when a
 * check failed; with a wait only when one still fails at its end.
 */
export async function check(options: CheckOptions, session: Session): Promise<void> {
  const { io, client, namespace } = session;
  const input: RunChecksOptions = {
    client,
    namespace,
    clock: systemClock,
    pre: options.pre ?? false,
    command: (text) => session.command(text),
    kubectl: (text) => session.kubectl(text),
  };
  const text: CheckTextOptions = { style: styleFor(io, "out"), unicode: showsUnicode(io) };
  const structured = options.output === "json" || options.output === "yaml";
  const timeoutMs = waitMs(options, false);
  const categories: CheckCategory[] = timeoutMs > 0 ? await untilPassed(input, { timeoutMs, session }) : [];
  const print = (category: CheckCategory, index: number): void => {
    if (!structured) io.out(`${index > 0 ? "\n" : ""}${categoryText(category, text)}`);
  };
  if (timeoutMs > 0) categories.forEach(print);
  else {
    for await (const category of runChecks(input)) {
      print(category, categories.length);
      categories.push(category);
    }
  }
  const good = passed(categories);
  if (options.output === "json" || options.output === "yaml")
    printValue({ ok: good, categories }, options.output, io);
  else io.out(`\n${summaryText(categories, text)}`);
  if (!good) throw new SilentExit(1);
}

/** Looks each second until nothing fails any more, or the time is over; gives the last look. */
async function untilPassed(
  input: RunChecksOptions,
  { timeoutMs, session }: { timeoutMs: number; session: Session },
): Promise<CheckCategory[]> {
  const { clock } = input;
  const begin = clock.monotonicMs();
  const { progress, io } = session;
  try {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one look after the other
      const looked = await Array.fromAsync(runChecks(input));
      if (passed(looked)) return looked;
      const leftMs = begin + timeoutMs - clock.monotonicMs();
      if (leftMs <= 0) {
        progress.end();
        io.err(`Waited ${formatAge(timeoutMs)}; this is how it is now.\n`);
        return looked;
      }
      progress.say(`Waiting: ${firstFailure(looked)}`);
      // oxlint-disable-next-line no-await-in-loop
      await new Promise<void>((resolve) => setTimeout(resolve, Math.min(PERIOD_MS, leftMs)));
    }
  } finally {
    progress.end();
  }
}

function firstFailure(categories: readonly CheckCategory[]): string {
  const found = categories.flatMap(({ checks }) => checks).find(({ result }) => result === "failed");
  if (found === undefined) return "";
  return found.message === undefined ? found.name : `${found.name}: ${found.message}`;
}
