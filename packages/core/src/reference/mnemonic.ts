import { entropyToMnemonic, mnemonicToEntropy } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { UmbelError } from "../errors.ts";

/** Words of a 32-byte secret. */
export const MNEMONIC_WORDS = 24;

/**
 * A 32-byte secret as 24 English words (BIP 39, without its passphrase): 8 bits of checksum, and no two words begin with
 * the same four letters. As secret as the bytes.
 */
export function encodeMnemonic(secret: Uint8Array): string {
  if (secret.length !== 32) throw new RangeError(`a secret of ${secret.length} bytes`);
  return entropyToMnemonic(secret, wordlist);
}

/**
 * Undoes `encodeMnemonic`: upper and lower case mean the same, and so do spaces and line ends. Throws BAD_INPUT that
 * names the word that is wrong, or where all are words, that they do not belong together.
 */
export function decodeMnemonic(text: string): Uint8Array {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  words.forEach((word, at) => {
    if (!wordlist.includes(word)) throw badWords(`word ${at + 1} ("${shown(word)}") ${meant(word)}`);
  });
  if (words.length !== MNEMONIC_WORDS) {
    throw badWords(`there are ${words.length} words, and there must be ${MNEMONIC_WORDS}`);
  }
  return secretOfWords(words) ?? throwMixed(words);
}

function secretOfWords(words: readonly string[]): Uint8Array | undefined {
  try {
    return mnemonicToEntropy(words.join(" "), wordlist);
  } catch {
    return undefined;
  }
}

/** A checksum of 8 bits cannot name one wrong word of 24; that two neighbours were swapped can be tried. */
function throwMixed(words: readonly string[]): never {
  const swaps = words.slice(1).flatMap((word, at) => {
    const swapped = [...words.slice(0, at), word, words[at]!, ...words.slice(at + 2)];
    return word !== words[at] && secretOfWords(swapped) !== undefined ? [at] : [];
  });
  const [at] = swaps;
  const hint =
    at !== undefined && swaps.length === 1
      ? `; words ${at + 1} and ${at + 2} ("${words[at]} ${words[at + 1]}") may have changed places`
      : "";
  throw badWords(
    `all are words, but they do not belong together: one is another, or in another place${hint}`,
  );
}

function meant(word: string): string {
  const near = wordlist.filter((known) => known.slice(0, 4) === word.slice(0, 4) || isOneEdit(word, known));
  const [first] = near;
  return first !== undefined && near.length === 1
    ? `is no word of the list; "${first}" may be meant`
    : "is no word of the list";
}

/** True iff one character was left out, added or replaced, or two neighbours were swapped. */
function isOneEdit(left: string, right: string): boolean {
  let start = 0;
  while (start < left.length && left[start] === right[start]) start++;
  const [a, b] = [left.slice(start), right.slice(start)];
  return (
    a.slice(1) === b.slice(1) ||
    a.slice(1) === b ||
    a === b.slice(1) ||
    (a.slice(2) === b.slice(2) && a[0] === b[1] && a[1] === b[0])
  );
}

/** What a person typed goes to the terminal: letters only. */
function shown(word: string): string {
  return word.replace(/[^\p{L}\p{N}'-]/gu, "?").slice(0, 24);
}

function badWords(what: string): UmbelError {
  return new UmbelError("BAD_INPUT", `the backup words cannot be read: ${what}`);
}
