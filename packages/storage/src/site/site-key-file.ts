import { type CryptoProvider, concat, equalBytes, Reader, UmbelError, Writer } from "@umbel/core";

/** A site's key file: whose it is in clear, so that sites can be listed, and the secret, in clear or locked. */
export type SiteKeyFile =
  | { readonly kind: "plain"; readonly publicKey: Uint8Array; readonly seed: Uint8Array }
  /** `box` is what `sealWithPassphrase` made of the seed under LABELS.siteOwnerBox. */
  | { readonly kind: "locked"; readonly publicKey: Uint8Array; readonly box: Uint8Array };

/**
 * magic 16 | version u8 = 1 | kind u8: 1 plain, 2 locked | public key 32 | length u16 | seed or box | checksum 8, the first bytes of
 * SHA-256 over all before. The result is secret: write it readable by its owner only, then wipe it.
 */
export function encodeSiteKeyFile(crypto: CryptoProvider, file: SiteKeyFile): Uint8Array {
  const secret = file.kind === "plain" ? file.seed : file.box;
  const content = new Writer(MAGIC.length + 2 + 32 + 2 + secret.length)
    .bytes(MAGIC)
    .u8(FILE_VERSION)
    .u8(KIND[file.kind])
    .bytes(file.publicKey)
    .u16(secret.length)
    .bytes(secret)
    .finish();
  return concat(content, checksum(crypto, content));
}

/** Undoes `encodeSiteKeyFile`. Throws BAD_CONFIG, also for a seed that does not make the public key. */
export function decodeSiteKeyFile(crypto: CryptoProvider, bytes: Uint8Array): SiteKeyFile {
  if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) throw badFile("it is no site key of umbel");
  const content = bytes.subarray(0, -CHECKSUM_BYTES);
  if (!equalBytes(checksum(crypto, content), bytes.subarray(content.length))) throw badFile("it is damaged");
  const reader = new Reader(content, "site key file");
  reader.bytes(MAGIC.length, "magic");
  const version = reader.u8("version");
  if (version > FILE_VERSION) throw badFile(`version ${version} needs a newer umbel`);
  if (version < FILE_VERSION) throw badFile("it is damaged");
  const kind = reader.u8("kind");
  const publicKey = reader.bytes(32, "public key").slice();
  const secret = reader.bytes(reader.u16("length"), "secret").slice();
  reader.finish();
  if (kind === KIND.locked) return { kind: "locked", publicKey, box: secret };
  if (kind !== KIND.plain || secret.length !== 32) throw badFile("it is damaged");
  if (!equalBytes(crypto.ed25519.publicKey(secret), publicKey)) throw badFile("its secret is another site's");
  return { kind: "plain", publicKey, seed: secret };
}

const MAGIC = Uint8Array.from("umbel site key\n\0", (character) => character.charCodeAt(0));
const FILE_VERSION = 1;
const KIND = { plain: 1, locked: 2 } as const;
const CHECKSUM_BYTES = 8;

function checksum(crypto: CryptoProvider, content: Uint8Array): Uint8Array {
  return crypto.sha256(content).subarray(0, CHECKSUM_BYTES);
}

function badFile(what: string): UmbelError {
  return new UmbelError("BAD_CONFIG", `the key file of the site cannot be used: ${what}`);
}
