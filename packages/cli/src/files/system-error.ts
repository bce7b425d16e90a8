import { type ErrorCode, isUmbelError, UmbelError } from "@umbel/core";

/** What the system's error codes mean to a person. */
const MEANINGS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is not a folder",
  EEXIST: "it exists already",
  EROFS: "the disk is read-only",
  EMFILE: "too many open files",
  ENAMETOOLONG: "the name is too long for this disk",
  EIO: "the disk reports an error",
};

/** The system's error code ("ENOENT"), if `error` carries one. */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : undefined;
}

/**
 * An error of the file system as one line: "cannot read x.txt: permission denied". A full disk becomes DISK_FULL,
 * everything else `code`; an UmbelError stays what it is.
 */
export function fileError(code: ErrorCode, attempt: string, cause: unknown): UmbelError {
  if (isUmbelError(cause)) return cause;
  const system = systemCode(cause);
  if (system === "ENOSPC" || system === "EDQUOT") {
    return new UmbelError("DISK_FULL", `${attempt}: the disk is full`, { cause });
  }
  const meaning = MEANINGS[system ?? ""] ?? (cause instanceof Error ? cause.message : String(cause));
  return new UmbelError(code, `${attempt}: ${meaning}`, { cause });
}
