import { utf8ToBytes } from "@noble/hashes/utils.js";
import { bech32m } from "@scure/base";
import {
  type BlockId,
  concat,
  decodeMnemonic,
  decodeRecipientFile,
  encodeBase32,
  encodeMnemonic,
  encodeRecipientFile,
  formatReference,
  type InnerReference,
  MAX_SCRYPT_LOG_N,
  MAX_SCRYPT_P,
  openWithPassphrase,
  type PrintableReference,
  parseReference,
  type Reference,
  revealOwnerReference,
  type Scrypt,
  sealWithPassphrase,
  secretOf,
} from "@umbel/core";
import { decodeInner, encodeInner } from "../../../packages/core/src/reference/inner.ts";
import { canonicalTarget, type FuzzTarget, must, resolvedOrRefused } from "../target.ts";
import { crypto, noise, text } from "./fixed.ts";
import { textTarget } from "./texts.ts";

const id = encodeBase32(noise("root", 32)) as BlockId;
const key = (label: string): Uint8Array => noise(label, 32);
const site = { kind: "site", siteKey: key("site key"), path: ["a b", "ü"] } as const;
const inner: readonly InnerReference[] = [
  { kind: "file", rootId: id, readKey: key("read key"), path: ["a b", "ü"] },
  { kind: "piece", blockId: id, readKey: key("read key"), offset: 31_000, size: 1_000 },
  { kind: "verify", of: "content", rootId: id, verifyKey: key("verify key") },
  { kind: "verify", of: "site", slotId: id, verifyKey: key("verify key") },
  site,
  { kind: "edition", siteKey: key("site key"), number: 7, hash: key("hash"), path: ["x".repeat(200)] },
  { kind: "owner", seed: secretOf(key("seed")) },
];
const printable: readonly PrintableReference[] = [
  ...inner.filter((reference) => reference.kind !== "owner"),
  { kind: "locked", box: noise("locked", 35 + 96), path: ["a"] },
  { kind: "sealed", box: noise("sealed", 48 + 5 * 96), path: [] },
  { kind: "recipient", publicKey: key("recipient") },
];

function textOf(reference: Reference): string {
  return reference.kind === "owner" ? revealOwnerReference(reference) : formatReference(reference);
}

/** The same text with a checksum that holds, where there is a place for one. */
function withChecksum(bytes: Uint8Array): Uint8Array {
  const [, head = "", data = "", rest = ""] = /^(umbel:[a-z]+)-([a-z0-9]*)([\s\S]*)$/.exec(text(bytes)) ?? [];
  const words = [...data.slice(0, -6)].map((character) => ALPHABET.indexOf(character));
  if (head === "" || words.includes(-1)) return bytes;
  return utf8ToBytes(`${bech32m.encode(head, words, false).replace("1", "-")}${rest}`);
}

const ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/** scrypt without its cost, which must be within bounds. */
const cheapScrypt: Scrypt = async (passphrase, salt, { logN, r, p }, length) => {
  must(logN <= MAX_SCRYPT_LOG_N && r === 8 && p <= MAX_SCRYPT_P, "more work than the caps allow was begun");
  const first = crypto.sha256(passphrase, salt, Uint8Array.of(logN, r, p));
  return concat(first, crypto.sha256(first)).subarray(0, length);
};
const ports = { crypto, scrypt: cheapScrypt };
const USE = utf8ToBytes("fuzz\0");
const locked = await sealWithPassphrase(
  { ...ports, random: { bytes: (length) => noise("salt", length) } },
  "passphrase",
  USE,
  noise("inner", 96),
);

const passphraseBox: FuzzTarget = {
  name: "passphrase-box",
  covers: ["openWithPassphrase"],
  maxBytes: 200,
  seeds: () => [locked],
  async run(bytes) {
    const opened = await resolvedOrRefused(["BAD_ENCODING"], () =>
      openWithPassphrase(ports, "passphrase", USE, bytes),
    );
    if (opened !== undefined) must(bytes.length === locked.length, "a box opens that nobody sealed");
  },
};

/** References of all kinds, and what stands inside some. */
export const REFERENCE_TARGETS: readonly FuzzTarget[] = [
  textTarget({
    name: "reference",
    covers: ["parseReference"],
    codes: ["BAD_REFERENCE"],
    maxBytes: 1200,
    seeds: [
      ...printable.map(formatReference),
      revealOwnerReference({ kind: "owner", seed: secretOf(key("seed")) }),
      ` ${formatReference(site).toUpperCase().replace(/\/.*/, "/")}\n`,
      "umbel:site-qqqq",
      "umbel:file-1",
      "umbel:net-qqqq",
    ],
    words: ["umbel:", "file-", "verify-", "owner", "locked-", "%20", "%", "/", "?", "ſ", "K"],
    repair: withChecksum,
    parse: parseReference,
    format: textOf,
  }),
  canonicalTarget({
    name: "inner-reference",
    covers: ["decodeInner", "decodePayload"],
    codes: ["BAD_REFERENCE"],
    maxBytes: 600,
    seeds: () => inner.map(encodeInner),
    decode: (bytes) => decodeInner(bytes, []),
    encode: encodeInner,
  }),
  passphraseBox,
  canonicalTarget({
    name: "recipient-file",
    covers: ["decodeRecipientFile"],
    codes: ["BAD_CONFIG"],
    maxBytes: 100,
    seeds: () => [encodeRecipientFile(crypto, key("recipient"))],
    decode: (bytes) => decodeRecipientFile(crypto, bytes),
    encode: (secret) => encodeRecipientFile(crypto, secret),
    repair: (bytes) => concat(bytes.subarray(0, 50), crypto.sha256(bytes.subarray(0, 50)).subarray(0, 8)),
  }),
  textTarget({
    name: "mnemonic",
    covers: ["decodeMnemonic"],
    codes: ["BAD_INPUT"],
    seeds: [encodeMnemonic(key("mnemonic")), encodeMnemonic(new Uint8Array(32)).toUpperCase()],
    words: ["abandon", "zoo", "art", "\n", "\t"],
    parse: decodeMnemonic,
    format: encodeMnemonic,
  }),
];
