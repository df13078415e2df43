import { configure, getLogger, type Logger, type LogLevel, type LogRecord } from "@logtape/logtape";

/**
 * Structured logs: one JSON object a line on standard error. A message is constant; what varies is in the fields.
 * JSON escapes control characters, so no field can start a second line. Nothing secret is ever passed as a field.
 */
export type Log = Logger;

export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const satisfies readonly LogLevel[];
export type Level = (typeof LOG_LEVELS)[number];

/** The logger of one component; silent until `startLogging` was called. */
export function logFor(...category: [string, ...string[]]): Log {
  return getLogger(["isthmus", ...category]);
}

export async function startLogging(level: Level): Promise<void> {
  await configure({
    reset: true,
    sinks: { stderr: (record) => process.stderr.write(formatRecord(record)) },
    loggers: [
      { category: ["isthmus"], lowestLevel: level, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
}

export function formatRecord(record: LogRecord): string {
  return `${JSON.stringify({
    time: new Date(record.timestamp).toISOString(),
    level: record.level,
    part: record.category.slice(1).join("."),
    message: record.message.join(""),
    ...record.properties,
  })}\n`;
}
