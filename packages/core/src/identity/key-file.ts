import { concat, equalBytes } from "../bytes/bytes.ts";
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { UmbelError } from "../errors.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import { type LastingKeys, type StaticKeyPair, staticKeyPair } from "./node-key.ts";

/** Format version of the key file, u16. */
export const KEY_FILE_VERSION = 2;
/** "umbel node key", a line feed and a zero byte. */
const MAGIC = Uint8Array.from("umbel node key\n\0", (character) => character.charCodeAt(0));
const CHECKSUM_BYTES = 8;
const KEY_FILE_BYTES = MAGIC.length + 2 + 2 * 32 + CHECKSUM_BYTES;

/** What a key file holds. */
export interface KeyFile extends LastingKeys {
  /** In a file of version 1, from before hop keys had files of their own. */
  readonly hopKey: StaticKeyPair | undefined;
}

/**
 * The key file: magic 16 | version u16 = 2 | identity seed 32 | link secret 32 | checksum 8, the first bytes of SHA-256
 * over all before. The result is secret: write it readable by its owner only, then wipe it.
 */
export function encodeKeyFile(crypto: CryptoProvider, keys: LastingKeys): Uint8Array {
  const content = new Writer(KEY_FILE_BYTES - CHECKSUM_BYTES)
    .bytes(MAGIC)
    .u16(KEY_FILE_VERSION)
    .bytes(keys.identity.seed)
    .bytes(keys.linkKey.secret)
    .finish();
  return concat(content, checksum(crypto, content));
}

/**
 * Reads a key file, of version 1 too, which has a hop secret 32 before the checksum. Throws BAD_CONFIG with a line for a
 * person; a newer version is refused as such.
 */
export function decodeKeyFile(crypto: CryptoProvider, bytes: Uint8Array): KeyFile {
  if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) throw badFile("it is not a key file of umbel");
  if (bytes.length < MAGIC.length + 2) throw badFile("it is cut short");
  const reader = new Reader(bytes, "key file");
  reader.bytes(MAGIC.length, "magic");
  const version = reader.u16("version");
  if (version > KEY_FILE_VERSION) throw badFile(`version ${version} needs a newer umbel`);
  const length = version === 1 ? KEY_FILE_BYTES + 32 : KEY_FILE_BYTES;
  if (version === 0 || bytes.length !== length) throw badFile("it is damaged");
  const secret = (field: string): Uint8Array => reader.bytes(32, field).slice();
  const identitySeed = secret("identity seed");
  const linkSecret = secret("link secret");
  const hopSecret = version === 1 ? secret("hop secret") : undefined;
  const expected = checksum(crypto, bytes.subarray(0, length - CHECKSUM_BYTES));
  if (!equalBytes(reader.bytes(CHECKSUM_BYTES, "checksum"), expected)) throw badFile("it is damaged");
  return {
    identity: { seed: identitySeed, publicKey: crypto.ed25519.publicKey(identitySeed) },
    linkKey: staticKeyPair(crypto, linkSecret),
    hopKey: hopSecret && staticKeyPair(crypto, hopSecret),
  };
}

function checksum(crypto: CryptoProvider, content: Uint8Array): Uint8Array {
  return crypto.sha256(content).subarray(0, CHECKSUM_BYTES);
}

function badFile(what: string): UmbelError {
  return new UmbelError("BAD_CONFIG", `the node's key file cannot be used: ${what}`);
}
