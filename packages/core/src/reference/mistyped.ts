import { bech32m } from "@scure/base";
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
 */
export function describeDamage(prefix: string, data: string, dataAt: number, expected: number): UmbelError {
  const missing = expected - data.length;
  if (missing !== 0) {
    const count = Math.abs(missing);
    const words = `${count} character${count === 1 ? " is" : "s are"} ${missing > 0 ? "missing" : "too many"}`;
    return mistyped(
      `${words} (it has ${dataAt + data.length} of ${dataAt + expected})`,
      dataAt + data.length,
    );
  }
  const isRight = (candidate: string): boolean =>
    bech32m.decodeUnsafe(`${prefix}1${candidate}`, false) !== undefined;
  for (let at = 0; at < data.length; at++) {
    const right = [...REFERENCE_ALPHABET].find((character) => isRight(replaced(data, at, character)));
    const position = dataAt + at;
    if (right !== undefined) {
      return mistyped(
        `character ${position + 1} ("${data[at]}") is mistyped, it should be "${right}"`,
        position,
      );
    }
    const next = data[at + 1];
    if (next !== undefined && isRight(replaced(data, at, next + data[at]))) {
      return mistyped(
        `characters ${position + 1} and ${position + 2} ("${data[at]}${next}") are swapped`,
        position,
      );
    }
  }
  return mistyped("it is damaged in more than one place");
}

function replaced(text: string, at: number, part: string): string {
  return text.slice(0, at) + part + text.slice(at + part.length);
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
