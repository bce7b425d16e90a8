import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { type CryptoProvider, isUmbelError } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { CRYPTO_VECTORS as V } from "../vectors/crypto.ts";
import { describeEd25519Rule } from "./ed25519-rule.ts";
import { describeWycheproof } from "./wycheproof.ts";

/** The suite that every crypto provider passes: published vectors, refusals, lengths, ownership of results. */
export function describeCryptoProvider(provider: CryptoProvider): void {
  describe(`the crypto provider ${provider.name}`, () => {
    describeHashes(provider);
    describeX25519(provider);
    describeEd25519Rule(provider);
    describeMlKem(provider);
    describeChacha(provider);
    describeWideBlock(provider);
    describeWycheproof(provider);
    describeLengths(provider);
  });
}

function describeHashes(provider: CryptoProvider): void {
  it("hashes by SHA-256 the concatenation of the parts", () => {
    expect(bytesToHex(provider.sha256(hexToBytes(V.sha256.message)))).toBe(V.sha256.digest);
    expect(bytesToHex(provider.sha256(utf8ToBytes("a"), new Uint8Array(0), utf8ToBytes("bc")))).toBe(
      V.sha256.digest,
    );
    expect(provider.sha256()).toEqual(provider.sha256(new Uint8Array(0)));
    const long = new Uint8Array(9000).map((_, at) => at);
    expect(provider.sha256(long)).toEqual(provider.sha256(long.subarray(0, 1), long.subarray(1)));
  });

  it("authenticates by HMAC-SHA256 the concatenation of the parts", () => {
    const { key, message, tag } = V.hmacSha256;
    const bytes = hexToBytes(message);
    expect(bytesToHex(provider.hmacSha256(hexToBytes(key), bytes))).toBe(tag);
    expect(bytesToHex(provider.hmacSha256(hexToBytes(key), bytes.subarray(0, 5), bytes.subarray(5)))).toBe(
      tag,
    );
  });

  it("gives results that are plain Uint8Arrays, whose slice is a copy", () => {
    const results = [
      provider.sha256(),
      provider.hmacSha256(new Uint8Array(1)),
      provider.x25519.publicKey(new Uint8Array(32).fill(1)),
      provider.ed25519.publicKey(new Uint8Array(32)),
      provider.ed25519.sign(new Uint8Array(32), new Uint8Array(0)),
      provider.chacha20(new Uint8Array(32), new Uint8Array(12), new Uint8Array(3)),
    ];
    for (const result of results) expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype);
  });
}

function describeX25519(provider: CryptoProvider): void {
  it("agrees by X25519 on the published secret", () => {
    const { secret, publicKey, peer, shared } = V.x25519;
    expect(bytesToHex(provider.x25519.publicKey(hexToBytes(secret)))).toBe(publicKey);
    expect(bytesToHex(provider.x25519.sharedSecret(hexToBytes(secret), hexToBytes(peer)))).toBe(shared);
  });

  it("throws CRYPTO_FAILED when the X25519 result is all zero", () => {
    const secret = new Uint8Array(32).fill(5);
    for (const low of [new Uint8Array(32), new Uint8Array(32).fill(1, 0, 1)])
      expect(failure(() => provider.x25519.sharedSecret(secret, low))).toBe("CRYPTO_FAILED");
  });
}

function describeMlKem(provider: CryptoProvider): void {
  const keys = () => provider.mlKem768.keyPair(hexToBytes(V.mlKem768.seed));

  it("makes ML-KEM-768 keys, ciphertexts and secrets from the published seed", () => {
    const { publicKey, secretKey } = keys();
    expect(bytesToHex(provider.sha256(publicKey))).toBe(V.mlKem768.publicKeyDigest);
    const sent = provider.mlKem768.encapsulate(publicKey, new Uint8Array(32).fill(7));
    expect(bytesToHex(provider.sha256(sent.ciphertext))).toBe(V.mlKem768.ciphertextDigest);
    expect(bytesToHex(sent.sharedSecret)).toBe(V.mlKem768.sharedSecret);
    expect(provider.mlKem768.decapsulate(secretKey, sent.ciphertext)).toEqual(sent.sharedSecret);
  });

  it("gives another ML-KEM secret for an altered ciphertext, and no error", () => {
    const { publicKey, secretKey } = keys();
    const { ciphertext, sharedSecret } = provider.mlKem768.encapsulate(publicKey, new Uint8Array(32));
    ciphertext[500]! ^= 1;
    const other = provider.mlKem768.decapsulate(secretKey, ciphertext);
    expect(other).toHaveLength(32);
    expect(other).not.toEqual(sharedSecret);
  });

  it("throws CRYPTO_FAILED for an ML-KEM public key whose numbers are not below q", () => {
    const { publicKey } = keys();
    const invalid = publicKey.slice().fill(255, 0, 3);
    expect(failure(() => provider.mlKem768.encapsulate(invalid, new Uint8Array(32)))).toBe("CRYPTO_FAILED");
  });
}

function describeChacha(provider: CryptoProvider): void {
  const { key, nonce, associated, plaintext, tag } = V.chacha20Poly1305;
  const parts = [hexToBytes(key), hexToBytes(nonce), hexToBytes(associated)] as const;

  it("seals by ChaCha20-Poly1305 as published, and opens it again", () => {
    const sealed = provider.chacha20Poly1305.seal(...parts, utf8ToBytes(plaintext));
    expect(bytesToHex(sealed.slice(-16))).toBe(tag);
    expect(provider.chacha20Poly1305.open(...parts, sealed)).toEqual(utf8ToBytes(plaintext));
  });

  it("opens nothing that has any one byte altered, is cut short, or has other associated data", () => {
    const sealed = provider.chacha20Poly1305.seal(...parts, utf8ToBytes("short"));
    for (let at = 0; at < sealed.length; at++) {
      const altered = sealed.slice();
      altered[at]! ^= 0x80;
      expect(provider.chacha20Poly1305.open(...parts, altered)).toBeUndefined();
      expect(provider.chacha20Poly1305.open(...parts, sealed.subarray(0, at))).toBeUndefined();
    }
    expect(provider.chacha20Poly1305.open(parts[0], parts[1], new Uint8Array(0), sealed)).toBeUndefined();
  });

  it("seals and opens in place what it seals and opens elsewhere, of any length", () => {
    for (const length of [0, 1, 15, 16, 17, 4101, 61_515]) {
      const plain = new Uint8Array(length).map((_, at) => at % 251);
      const message = new Uint8Array(length + 16).fill(0xa5);
      message.set(plain);
      provider.chacha20Poly1305.sealInPlace(...parts, message);
      expect(message).toEqual(provider.chacha20Poly1305.seal(...parts, plain));
      expect(provider.chacha20Poly1305.openInPlace(...parts, message)).toEqual(plain);
    }
  });

  it("opens in place nothing that is altered or shorter than a tag, and leaves zeros then", () => {
    const sealed = provider.chacha20Poly1305.seal(...parts, utf8ToBytes(plaintext));
    sealed[3]! ^= 1;
    expect(provider.chacha20Poly1305.openInPlace(...parts, sealed)).toBeUndefined();
    expect(sealed).toEqual(new Uint8Array(sealed.length));
    const short = new Uint8Array(15).fill(1);
    expect(provider.chacha20Poly1305.openInPlace(...parts, short)).toBeUndefined();
    expect(short).toEqual(new Uint8Array(15));
  });

  it("refuses to seal in place where there is no room for the tag", () => {
    expect(() => provider.chacha20Poly1305.sealInPlace(...parts, new Uint8Array(15))).toThrow(RangeError);
  });

  it("seals a message that is a view, and touches nothing beside it", () => {
    const memory = new Uint8Array(200).fill(7);
    provider.chacha20Poly1305.sealInPlace(...parts, memory.subarray(50, 150));
    expect([...memory.subarray(0, 50), ...memory.subarray(150)].every((byte) => byte === 7)).toBe(true);
  });

  it("starts the bare ChaCha20 keystream at block 0", () => {
    const stream = provider.chacha20(new Uint8Array(32), new Uint8Array(12), new Uint8Array(64));
    expect(bytesToHex(stream)).toBe(V.chacha20.keystream);
  });

  it("leaves inputs as they were and returns memory of its own", () => {
    const input = new Uint8Array(100).fill(4);
    const output = provider.chacha20(new Uint8Array(32), new Uint8Array(12), input);
    const sealed = provider.chacha20Poly1305.seal(...parts, input);
    output.fill(0);
    sealed.fill(0);
    expect(input).toEqual(new Uint8Array(100).fill(4));
  });
}

/** The part for the wide-block cipher, so that the twin of the kernel passes it too. */
export function describeWideBlock(provider: Pick<CryptoProvider, "sha256" | "wideBlock">): void {
  it("transforms the published short block and our 4096-byte one by Adiantum", () => {
    const { key, tweak, plaintext, ciphertext } = V.adiantumShort;
    const short = hexToBytes(plaintext);
    provider.wideBlock(hexToBytes(key)).encrypt(hexToBytes(tweak), short);
    expect(bytesToHex(short)).toBe(ciphertext);
    const ramp = Uint8Array.from({ length: 32 }, (_, at) => at);
    const body = Uint8Array.from({ length: 4096 }, (_, at) => at % 251);
    const cipher = provider.wideBlock(ramp);
    const down = ramp.map((byte) => 255 - byte);
    cipher.encrypt(down, body);
    expect(bytesToHex(body.subarray(0, 16))).toBe(V.adiantumBody.first16);
    expect(bytesToHex(provider.sha256(body))).toBe(V.adiantumBody.digest);
    cipher.decrypt(down, body);
    expect(body).toEqual(Uint8Array.from({ length: 4096 }, (_, at) => at % 251));
  });

  it("keeps two wide-block ciphers apart, and is not changed by the caller's key array", () => {
    const key = new Uint8Array(32).fill(1);
    const first = provider.wideBlock(key);
    const second = provider.wideBlock(new Uint8Array(32).fill(2));
    key.fill(0);
    const tweak = new Uint8Array(32);
    const block = new Uint8Array(64);
    first.encrypt(tweak, block);
    second.encrypt(tweak, block);
    second.decrypt(tweak, block);
    provider.wideBlock(new Uint8Array(32).fill(1)).decrypt(tweak, block);
    expect(block).toEqual(new Uint8Array(64));
  });

  it("refuses a wiped wide-block cipher, blocks outside 16 to 4096 bytes and tweaks above 32", () => {
    const cipher = provider.wideBlock(new Uint8Array(32));
    for (const length of [0, 15, 4097])
      expect(() => cipher.encrypt(new Uint8Array(0), new Uint8Array(length))).toThrow(RangeError);
    expect(() => cipher.decrypt(new Uint8Array(33), new Uint8Array(16))).toThrow(RangeError);
    cipher.wipe();
    cipher.wipe();
    expect(failure(() => cipher.encrypt(new Uint8Array(0), new Uint8Array(16)))).toBe("INTERNAL");
    expect(failure(() => cipher.decrypt(new Uint8Array(0), new Uint8Array(16)))).toBe("INTERNAL");
  });
}

function describeLengths(provider: CryptoProvider): void {
  const n = (length: number) => new Uint8Array(length);
  const { x25519, ed25519, mlKem768, chacha20Poly1305 } = provider;
  const wrong: readonly (readonly [string, (off: number) => unknown])[] = [
    ["X25519 secret", (off) => x25519.publicKey(n(32 + off))],
    ["X25519 secret in an agreement", (off) => x25519.sharedSecret(n(32 + off), n(32))],
    ["X25519 peer", (off) => x25519.sharedSecret(n(32), n(32 + off))],
    ["Ed25519 seed", (off) => ed25519.publicKey(n(32 + off))],
    ["Ed25519 signing seed", (off) => ed25519.sign(n(32 + off), n(1))],
    ["Ed25519 public key", (off) => ed25519.verify(n(32 + off), n(1), n(64))],
    ["Ed25519 signature", (off) => ed25519.verify(n(32), n(1), n(64 + off))],
    ["ML-KEM seed", (off) => mlKem768.keyPair(n(64 + off))],
    ["ML-KEM public key", (off) => mlKem768.encapsulate(n(1184 + off), n(32))],
    ["ML-KEM coins", (off) => mlKem768.encapsulate(n(1184), n(32 + off))],
    ["ML-KEM secret key", (off) => mlKem768.decapsulate(n(2400 + off), n(1088))],
    ["ML-KEM ciphertext", (off) => mlKem768.decapsulate(n(2400), n(1088 + off))],
    ["AEAD key", (off) => chacha20Poly1305.seal(n(32 + off), n(12), n(0), n(0))],
    ["AEAD nonce", (off) => chacha20Poly1305.open(n(32), n(12 + off), n(0), n(16))],
    ["AEAD key in place", (off) => chacha20Poly1305.sealInPlace(n(32 + off), n(12), n(0), n(16))],
    ["AEAD nonce in place", (off) => chacha20Poly1305.openInPlace(n(32), n(12 + off), n(0), n(16))],
    ["ChaCha20 key", (off) => provider.chacha20(n(32 + off), n(12), n(1))],
    ["ChaCha20 nonce", (off) => provider.chacha20(n(32), n(12 + off), n(1))],
    ["wide-block key", (off) => provider.wideBlock(n(32 + off))],
  ];
  it.each(wrong)("throws a RangeError for a wrong length: %s", (_name, use) => {
    expect(() => use(-1)).toThrow(RangeError);
    expect(() => use(1)).toThrow(RangeError);
  });
}

/** The code of the UmbelError that `use` throws. */
function failure(use: () => unknown): string | undefined {
  try {
    use();
  } catch (error) {
    if (isUmbelError(error)) return error.code;
    throw error;
  }
  return undefined;
}
