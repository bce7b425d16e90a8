/**
 * The closed list of error codes. A caller switches on `code`; the message is one line for a person and
 * says what is wrong, where, and what to do. Nothing of this text is ever sent to a peer.
 */
export type ErrorCode =
  | "BAD_INPUT" // wrong use by the person: an option, a path, an address
  | "BAD_REFERENCE" // a reference that cannot be read; `position` points at the character
  | "BAD_ENCODING" // bytes that no encoder of ours writes
  | "BAD_CONFIG" // a configuration or state file that cannot be used
  | "CRYPTO_FAILED" // a tag, signature or key that does not verify
  | "HANDSHAKE_FAILED" // the peer is not who it should be, or speaks another protocol
  | "PROTOCOL_VIOLATION" // a peer sent what its state does not allow
  | "LIMIT_REACHED" // a cap of limits.ts
  | "LINK_CLOSED"
  | "CIRCUIT_CLOSED"
  | "STREAM_CLOSED"
  | "TIMED_OUT"
  | "NO_PATH" // the directory has no path that keeps the rules
  | "NETWORK_UNREACHABLE" // no bootstrap node, or no guard, answers
  | "NOT_FOUND" // no holder has the block
  | "NOT_STORED" // too few holders confirmed a block
  | "SITE_ROLLBACK" // the network offers an older edition of a site than was seen before
  | "SITE_FORK" // a site has two histories: two editions with one number, or two successors
  | "SITE_REVOKED" // the owner of a site said that its key is not to be trusted any more
  | "READ_FAILED"
  | "WRITE_FAILED"
  | "DISK_FULL"
  | "IN_USE" // a data folder or an address that another process holds
  | "ABORTED"
  | "INTERNAL";

/** An error of umbel's own. `position` is a zero-based character index where the fault can be pointed at. */
export class UmbelError extends Error {
  readonly code: ErrorCode;
  readonly position: number | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; position?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "UmbelError";
    this.code = code;
    this.position = options.position;
  }
}

/** True when `error` is an UmbelError, with one of `codes` if any are named. */
export function isUmbelError(error: unknown, ...codes: readonly ErrorCode[]): error is UmbelError {
  return error instanceof UmbelError && (codes.length === 0 || codes.includes(error.code));
}
