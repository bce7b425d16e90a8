import { UmbelError } from "../errors.ts";

/** The 32 characters of bech32 (BIP 173): no 1, b, i, o, which look like others. */
export const REFERENCE_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/** Throws BAD_REFERENCE that points at the first character of lower-case `data` that no reference has. `dataAt` is where `data` begins. */
export function checkAlphabet(data: string, dataAt: number): void {
  const wrong = [...data].find((character) => !REFERENCE_ALPHABET.includes(character));
  if (wrong === undefined) return;
  const position = dataAt + data.indexOf(wrong);
  throw mistyped(`character ${position + 1} (${shown(wrong)}) cannot stand in a reference`, position);
}

/**
 * Says what is wrong with `data` whose checksum failed. The code has distance 4 up to 1023 characters (BIP 173), so
 * one wrong character, or two neighbours swapped, has exactly one explanation, and two wrong ones never pass for one.
 * `lengths`: the numbers of characters that `data` can have.
 */
export function describeDamage(
  prefix: string,
  data: string,
  dataAt: number,
  lengths: readonly number[],
): UmbelError {
  const distance = (length: number): number => Math.abs(length - data.length);
  const expected = lengths.reduce((best, length) => (distance(length) < distance(best) ? length : best));
  const missing = expected - data.length;
  if (missing !== 0) {
    const count = Math.abs(missing);
    const words = `${count} character${count === 1 ? " is" : "s are"} ${missing > 0 ? "missing" : "too many"}`;
    return mistyped(
      `${words} (it has ${dataAt + data.length} of ${dataAt + expected})`,
      dataAt + data.length,
    );
  }
  const found = findCorrection(prefix, data);
  if (found === undefined) return mistyped("it is damaged in more than one place");
  const { at, right } = found;
  const position = dataAt + at;
  return right === undefined
    ? mistyped(
        `characters ${position + 1} and ${position + 2} ("${data.slice(at, at + 2)}") are swapped`,
        position,
      )
    : mistyped(`character ${position + 1} ("${data[at]}") is mistyped, it should be "${right}"`, position);
}

interface Correction {
  readonly at: number;
  /** The right character; undefined when this one and the next are swapped. */
  readonly right: string | undefined;
}

/**
 * The checksum is linear: a wrong character adds to it what its difference alone would give at that place. So one pass
 * from the end, with what each of the five bits gives, finds the place whose difference explains the whole.
 */
function findCorrection(prefix: string, data: string): Correction | undefined {
  const values = [...data].map((character) => REFERENCE_ALPHABET.indexOf(character));
  const fault = checksumOf([...expandedPrefix(prefix), ...values]) ^ BECH32M_CHECKSUM;
  let found: Correction | undefined;
  let next: readonly number[] | undefined;
  let bits: readonly number[] = [1, 2, 4, 8, 16];
  for (let at = values.length - 1; at >= 0; at--) {
    const value = values[at]!;
    for (let difference = 1; difference < 32; difference++) {
      if (given(bits, difference) === fault) found = { at, right: REFERENCE_ALPHABET[value ^ difference]! };
    }
    const swap = value ^ (values[at + 1] ?? value);
    if (next !== undefined && swap !== 0 && (given(bits, swap) ^ given(next, swap)) === fault) {
      found = { at, right: undefined };
    }
    next = bits;
    bits = bits.map((bit) => step(bit, 0));
  }
  return found;
}

/** What a character that differs by `difference` adds to the checksum, where its bits add `bits`. */
function given(bits: readonly number[], difference: number): number {
  return bits.reduce((sum, bit, at) => ((difference >> at) & 1 ? sum ^ bit : sum), 0);
}

/** BIP 350: what the checksum of a whole bech32m string comes out as. */
const BECH32M_CHECKSUM = 0x2bc830a3;
/** BIP 173. */
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

function checksumOf(values: readonly number[]): number {
  return values.reduce(step, 1);
}

function step(sum: number, value: number): number {
  const top = sum >>> 25;
  return GENERATOR.reduce(
    (next, generator, at) => ((top >> at) & 1 ? next ^ generator : next),
    ((sum & 0x1ffffff) << 5) ^ value,
  );
}

function expandedPrefix(prefix: string): number[] {
  const codes = [...prefix].map((character) => character.charCodeAt(0));
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
}

function shown(character: string): string {
  return /^[!-~]$/.test(character)
    ? `"${character}"`
    : `U+${character.codePointAt(0)!.toString(16).padStart(4, "0")}`;
}

function mistyped(what: string, position?: number): UmbelError {
  const message = `the reference is mistyped: ${what}`;
  return new UmbelError("BAD_REFERENCE", message, position === undefined ? {} : { position });
}
