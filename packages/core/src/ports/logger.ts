/** What a log line may carry: counts and names of states. Never addresses, keys, ids, references, or timings of a person. */
export type LogFields = Readonly<Record<string, string | number | boolean>>;

/** Where log lines go. The level says who must act: see docs/logging.md. */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** A logger that drops everything. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
