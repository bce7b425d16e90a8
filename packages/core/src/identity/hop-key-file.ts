import { concat, equalBytes } from "../bytes/bytes.ts";
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { UmbelError } from "../errors.ts";
import type { CryptoProvider } from "../ports/crypto.ts";

/** The secret half of a hop key, and its number: see `hopKeyNumber`. */
export interface HopKeyFile {
  readonly number: number;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

const VERSION = 1;
/** "umbel hop key", a line feed and two zero bytes. */
const MAGIC = Uint8Array.from("umbel hop key\n\0\0", (character) => character.charCodeAt(0));
const CHECKSUM_BYTES = 8;
/** Bytes of a hop key file, always. */
export const HOP_KEY_FILE_BYTES = MAGIC.length + 2 + 4 + 32 + CHECKSUM_BYTES;

/**
 * A hop key file: magic 16 | version u16 = 1 | number u32 | secret 32 | checksum 8, the first bytes of SHA-256 over all
 * before. The result is secret: write it readable by its owner only, then wipe it.
 */
export function encodeHopKeyFile(crypto: CryptoProvider, { number, secret }: HopKeyFile): Uint8Array {
  const content = new Writer(HOP_KEY_FILE_BYTES - CHECKSUM_BYTES)
    .bytes(MAGIC)
    .u16(VERSION)
    .u32(number)
    .bytes(secret)
    .finish();
  return concat(content, crypto.sha256(content).subarray(0, CHECKSUM_BYTES));
}

/** Reads a hop key file. Throws BAD_CONFIG with a line for a person. */
export function decodeHopKeyFile(crypto: CryptoProvider, bytes: Uint8Array): HopKeyFile {
  const content = bytes.subarray(0, HOP_KEY_FILE_BYTES - CHECKSUM_BYTES);
  const checksum = crypto.sha256(content).subarray(0, CHECKSUM_BYTES);
  const isWhole =
    bytes.length === HOP_KEY_FILE_BYTES &&
    equalBytes(bytes.subarray(0, MAGIC.length), MAGIC) &&
    equalBytes(bytes.subarray(content.length), checksum);
  if (!isWhole) throw badFile("it is damaged");
  const reader = new Reader(content, "hop key file");
  reader.bytes(MAGIC.length, "magic");
  const version = reader.u16("version");
  if (version !== VERSION) throw badFile(`version ${version} needs another umbel`);
  return { number: reader.u32("number"), secret: reader.bytes(32, "secret").slice() };
}

function badFile(what: string): UmbelError {
  return new UmbelError("BAD_CONFIG", `a hop key file of this node cannot be used: ${what}`);
}
