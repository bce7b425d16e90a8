import { type ErrorCode, equalBytes, isUmbelError } from "@umbel/core";

/** Something that takes bytes from a stranger, and a rule for what it may do with them. */
export interface FuzzTarget {
  /** Names the target on the command line and its folder in the corpus. */
  readonly name: string;
  /** Decoders that it drives, by the names that they are exported under. */
  readonly covers: readonly string[];
  /** Longest input that is tried, in bytes. */
  readonly maxBytes: number;
  /** Valid inputs, made by the encoders, the same in every run. */
  seeds(): readonly Uint8Array[];
  /** Throws when the rule is broken. */
  run(bytes: Uint8Array): void | Promise<void>;
  /** Makes checksums, signatures and sums of a changed input right again, so that what stands behind them is reached. */
  repair?(bytes: Uint8Array): Uint8Array;
  /** Words that the format knows. */
  readonly words?: readonly string[];
}

/** What `decode` gives, or undefined where it throws an UmbelError with one of `codes`; every other error passes. */
export function decodedOrRefused<Value>(codes: readonly ErrorCode[], decode: () => Value): Value | undefined {
  try {
    return decode();
  } catch (error) {
    if (isUmbelError(error, ...codes)) return undefined;
    throw error;
  }
}

/** `decodedOrRefused` of a promise. */
export async function resolvedOrRefused<Value>(
  codes: readonly ErrorCode[],
  decode: () => Promise<Value>,
): Promise<Value | undefined> {
  try {
    return await decode();
  } catch (error) {
    if (isUmbelError(error, ...codes)) return undefined;
    throw error;
  }
}

/** The rule of a target was broken. */
export class BrokenRule extends Error {
  override readonly name = "BrokenRule";
}

/** Throws BrokenRule with `rule` unless `holds`. */
export function must(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new BrokenRule(rule);
}

/** A decoder is canonical: what it accepts is, byte for byte, what the encoder writes for it. */
export function mustReencode(input: Uint8Array, reencoded: Uint8Array): void {
  must(equalBytes(input, reencoded), "a decoded value has another encoding than the one that was accepted");
}

/** The rule of most decoders: refused with one of `codes`, or canonical. */
export function canonicalTarget<Value extends NonNullable<unknown>>(
  target: Omit<FuzzTarget, "run"> & {
    readonly codes: readonly ErrorCode[];
    decode(bytes: Uint8Array): Value;
    encode(value: Value, input: Uint8Array): Uint8Array;
  },
): FuzzTarget {
  const { codes, decode, encode } = target;
  return {
    ...target,
    run(bytes) {
      const value = decodedOrRefused(codes, () => decode(bytes));
      if (value !== undefined) mustReencode(bytes, encode(value, bytes));
    },
  };
}
