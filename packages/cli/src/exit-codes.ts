import type { ErrorCode } from "@umbel/core";

/** What a script can tell from the exit code; `umbel --help` lists them. */
export const EXIT = {
  done: 0,
  failed: 1,
  wrongUse: 2,
  notFound: 3,
  unreachable: 4,
  /** A site was rolled back, forked or revoked. */
  siteAlarm: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const BY_ERROR: Partial<Record<ErrorCode, ExitCode>> = {
  BAD_INPUT: EXIT.wrongUse,
  BAD_REFERENCE: EXIT.wrongUse,
  BAD_CONFIG: EXIT.wrongUse,
  NOT_FOUND: EXIT.notFound,
  NETWORK_UNREACHABLE: EXIT.unreachable,
  NO_PATH: EXIT.unreachable,
  SITE_ROLLBACK: EXIT.siteAlarm,
  SITE_FORK: EXIT.siteAlarm,
  SITE_REVOKED: EXIT.siteAlarm,
  ABORTED: EXIT.interrupted,
};

/** The exit code of an error's code: 1 for everything that has none of its own. */
export function exitCodeOf(code: ErrorCode): ExitCode {
  return BY_ERROR[code] ?? EXIT.failed;
}
