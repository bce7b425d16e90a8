import { concat, equalBytes } from "../bytes/bytes.ts";
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { X25519_BYTES } from "../crypto/suite.ts";
import { UmbelError } from "../errors.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import type { RecipientReference } from "./kinds.ts";

/** Format version of the file of a recipient's secret, u16. */
export const RECIPIENT_FILE_VERSION = 1;
const MAGIC = Uint8Array.from("umbel recipient\0", (character) => character.charCodeAt(0));
const CHECKSUM_BYTES = 8;
const FILE_BYTES = MAGIC.length + 2 + X25519_BYTES + CHECKSUM_BYTES;

/** What others seal to for the holder of a 32-byte X25519 secret. */
export function recipientOf(crypto: CryptoProvider, secret: Uint8Array): RecipientReference {
  return { kind: "recipient", publicKey: crypto.x25519.publicKey(secret) };
}

/**
 * The file of a recipient's secret: magic 16 | version u16 = 1 | X25519 secret 32 | checksum 8, the first bytes of SHA-256
 * over all before. The result is secret: write it readable by its owner only, then wipe it.
 */
export function encodeRecipientFile(crypto: CryptoProvider, secret: Uint8Array): Uint8Array {
  const content = new Writer(FILE_BYTES - CHECKSUM_BYTES)
    .bytes(MAGIC)
    .u16(RECIPIENT_FILE_VERSION)
    .bytes(secret)
    .finish();
  return concat(content, checksum(crypto, content));
}

/** Undoes `encodeRecipientFile`. Throws BAD_CONFIG with a line for a person. */
export function decodeRecipientFile(crypto: CryptoProvider, bytes: Uint8Array): Uint8Array {
  if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) throw badFile("it is no recipient's key of umbel");
  if (bytes.length < MAGIC.length + 2) throw badFile("it is cut short");
  const reader = new Reader(bytes, "recipient file");
  reader.bytes(MAGIC.length, "magic");
  const version = reader.u16("version");
  if (version > RECIPIENT_FILE_VERSION) throw badFile(`version ${version} needs a newer umbel`);
  if (version === 0 || bytes.length !== FILE_BYTES) throw badFile("it is damaged");
  const secret = reader.bytes(X25519_BYTES, "secret").slice();
  const expected = checksum(crypto, bytes.subarray(0, FILE_BYTES - CHECKSUM_BYTES));
  if (!equalBytes(reader.bytes(CHECKSUM_BYTES, "checksum"), expected)) throw badFile("it is damaged");
  return secret;
}

function checksum(crypto: CryptoProvider, content: Uint8Array): Uint8Array {
  return crypto.sha256(content).subarray(0, CHECKSUM_BYTES);
}

function badFile(what: string): UmbelError {
  return new UmbelError("BAD_CONFIG", `the recipient's key file cannot be used: ${what}`);
}
