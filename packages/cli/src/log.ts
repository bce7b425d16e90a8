import type { LogFields, Logger } from "@umbel/core";
import type { Io } from "./io.ts";

const LEVELS = ["debug", "info", "warn", "error"] as const;
type Level = (typeof LEVELS)[number];

/** Log lines on stderr from the level UMBEL_LOG names; "warn" when it names none. docs/logging.md has the rules. */
export function createLogger(io: Pick<Io, "env" | "stderr">): Logger {
  const wanted = LEVELS.indexOf((io.env.UMBEL_LOG ?? "warn") as Level);
  const least = wanted === -1 ? LEVELS.indexOf("warn") : wanted;
  const at =
    (level: Level) =>
    (event: string, fields: LogFields = {}) => {
      if (LEVELS.indexOf(level) < least) return;
      const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
      io.stderr.write(`${new Date().toISOString()} ${level} ${event}${pairs.join("")}\n`);
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
