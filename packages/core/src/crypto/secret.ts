import { UmbelError } from "../errors.ts";

/** Holds secret bytes that must not reach a log by accident: every way of printing it says `[secret]`. */
export interface Secret {
  /** Bytes held. */
  readonly length: number;
  /** The bytes themselves, not a copy. Throws INTERNAL after `wipe`. */
  expose(): Uint8Array;
  /** Overwrites the bytes. The owner that called `secretOf` calls it; a second call does nothing. */
  wipe(): void;
  toString(): string;
  toJSON(): string;
}

const REDACTED = "[secret]";

/** Takes ownership of `bytes`: nobody else may write to or keep the array. */
export function secretOf(bytes: Uint8Array): Secret {
  let wiped = false;
  const secret: Secret = {
    length: bytes.length,
    expose() {
      if (wiped) throw new UmbelError("INTERNAL", "a secret was used after it was wiped");
      return bytes;
    },
    wipe() {
      wiped = true;
      bytes.fill(0);
    },
    toString: () => REDACTED,
    toJSON: () => REDACTED,
  };
  // Node's util.inspect and console.log ask for this symbol.
  Object.defineProperty(secret, Symbol.for("nodejs.util.inspect.custom"), { value: () => REDACTED });
  return Object.freeze(secret);
}
