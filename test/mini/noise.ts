import { createCipheriv, createDecipheriv } from "node:crypto";
import { x25519 } from "@noble/curves/ed25519.js";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { ascii, concat, hmac, sha256, zeros } from "./bytes.ts";

/** Message patterns of docs/spec/02-link.md and 04-circuits.md. */
const PATTERNS = {
  XXhfs: ["e e1", "e ee ekem1 s es", "s se"],
  XKhfs: ["e es e1", "e ee ekem1", "s se"],
  NKhfs: ["e es e1", "e ee ekem1"],
} as const;

const E1_BYTES = 1184;
const EKEM1_BYTES = 1088;
const TAG_BYTES = 16;

export interface NoiseSide {
  readonly pattern: keyof typeof PATTERNS;
  readonly initiator: boolean;
  readonly prologue: Uint8Array;
  /** The own static secret. */
  readonly s?: Uint8Array;
  /** The responder's static public key, where the initiator knows it. */
  readonly rs?: Uint8Array;
  /** Random bytes: 32 for e, 64 for e1, 32 for ekem1. */
  readonly draw: (length: number) => Uint8Array;
}

/** One side of a handshake. Whatever is wrong throws. */
export class Noise {
  readonly #side: NoiseSide;
  readonly #messages: string[];
  #h: Uint8Array;
  #ck: Uint8Array;
  #k = zeros(0);
  #n = 0;
  #e = zeros(0);
  #re = zeros(0);
  #kemSecret = zeros(0);
  #kemPublic = zeros(0);
  /** The peer's static public key, once known. */
  rs: Uint8Array;

  constructor(side: NoiseSide) {
    this.#side = side;
    this.#messages = [...PATTERNS[side.pattern]];
    this.#h = sha256(ascii(`Noise_${side.pattern}_25519+MLKEM768_ChaChaPoly_SHA256`));
    this.#ck = this.#h;
    this.rs = side.rs ?? zeros(0);
    this.#mixHash(side.prologue);
    const known = side.initiator ? this.rs : side.s === undefined ? zeros(0) : x25519.getPublicKey(side.s);
    if (side.pattern !== "XXhfs") this.#mixHash(known);
  }

  write(payload: Uint8Array): Uint8Array {
    const tokens = (this.#messages.shift() ?? "").split(" ");
    return concat(...tokens.map((token) => this.#write(token)), this.#seal(payload));
  }

  read(message: Uint8Array): Uint8Array {
    let rest = message;
    const take = (length: number): Uint8Array => {
      if (rest.length < length) throw new Error("a handshake message is too short");
      const bytes = rest.slice(0, length);
      rest = rest.subarray(length);
      return bytes;
    };
    for (const token of (this.#messages.shift() ?? "").split(" ")) this.#read(token, take);
    return this.#open(rest);
  }

  /** The keys from initiator to responder and back, and h. */
  split(): { readonly keys: readonly [Uint8Array, Uint8Array]; readonly h: Uint8Array } {
    return { keys: hkdf2(this.#ck, zeros(0)), h: this.#h };
  }

  #write(token: string): Uint8Array {
    const { draw, s } = this.#side;
    if (token === "e") {
      this.#e = draw(32);
      return this.#mixHash(x25519.getPublicKey(this.#e));
    }
    if (token === "s") return this.#seal(x25519.getPublicKey(s!));
    if (token === "e1") {
      const { publicKey, secretKey } = ml_kem768.keygen(draw(64));
      this.#kemSecret = secretKey;
      return this.#seal(publicKey);
    }
    if (token === "ekem1") {
      const { cipherText, sharedSecret } = ml_kem768.encapsulate(this.#kemPublic, draw(32));
      const sealed = this.#seal(cipherText);
      this.#mixKey(sharedSecret);
      return sealed;
    }
    this.#mixKey(this.#dh(token));
    return zeros(0);
  }

  #read(token: string, take: (length: number) => Uint8Array): void {
    const tag = this.#k.length === 0 ? 0 : TAG_BYTES;
    if (token === "e") this.#re = this.#mixHash(take(32));
    else if (token === "s") this.rs = this.#open(take(32 + tag));
    else if (token === "e1") this.#kemPublic = this.#open(take(E1_BYTES + tag));
    else if (token === "ekem1") {
      const ciphertext = this.#open(take(EKEM1_BYTES + tag));
      this.#mixKey(ml_kem768.decapsulate(ciphertext, this.#kemSecret));
    } else this.#mixKey(this.#dh(token));
  }

  /** noble refuses a result of all zeros. */
  #dh(token: string): Uint8Array {
    const [own, peers] = this.#side.initiator ? [token[0], token[1]] : [token[1], token[0]];
    const secret = own === "e" ? this.#e : this.#side.s!;
    return x25519.getSharedSecret(secret, peers === "e" ? this.#re : this.rs);
  }

  #mixHash(data: Uint8Array): Uint8Array {
    this.#h = sha256(this.#h, data);
    return data;
  }

  #mixKey(material: Uint8Array): void {
    [this.#ck, this.#k] = hkdf2(this.#ck, material);
    this.#n = 0;
  }

  #seal(plaintext: Uint8Array): Uint8Array {
    return this.#mixHash(this.#k.length === 0 ? plaintext : aeadSeal(this.#k, this.#n++, this.#h, plaintext));
  }

  #open(ciphertext: Uint8Array): Uint8Array {
    const plaintext = this.#k.length === 0 ? ciphertext : aeadOpen(this.#k, this.#n++, this.#h, ciphertext);
    this.#mixHash(ciphertext);
    return plaintext;
  }
}

/** One direction after the handshake. */
export class CipherState {
  #k: Uint8Array;
  #n = 0;

  constructor(key: Uint8Array) {
    this.#k = key;
  }

  seal(plaintext: Uint8Array): Uint8Array {
    const sealed = aeadSeal(this.#k, this.#n, zeros(0), plaintext);
    this.#advance();
    return sealed;
  }

  open(sealed: Uint8Array): Uint8Array {
    const plaintext = aeadOpen(this.#k, this.#n, zeros(0), sealed);
    this.#advance();
    return plaintext;
  }

  #advance(): void {
    this.#n += 1;
    if (this.#n % 4096 === 0) this.#k = aeadSeal(this.#k, 2n ** 64n - 1n, zeros(0), zeros(32)).slice(0, 32);
  }
}

function hkdf2(ck: Uint8Array, material: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const key = hmac(ck, material);
  const first = hmac(key, Uint8Array.of(1));
  return [first, hmac(key, first, Uint8Array.of(2))];
}

function nonceOf(n: number | bigint): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(BigInt(n), 4);
  return nonce;
}

function aeadSeal(key: Uint8Array, n: number | bigint, data: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv("chacha20-poly1305", key, nonceOf(n), { authTagLength: TAG_BYTES });
  cipher.setAAD(data, { plaintextLength: plaintext.length });
  const sealed = concat(cipher.update(plaintext), cipher.final());
  return concat(sealed, cipher.getAuthTag());
}

function aeadOpen(key: Uint8Array, n: number, data: Uint8Array, sealed: Uint8Array): Uint8Array {
  const length = sealed.length - TAG_BYTES;
  const cipher = createDecipheriv("chacha20-poly1305", key, nonceOf(n), { authTagLength: TAG_BYTES });
  cipher.setAAD(data, { plaintextLength: length });
  cipher.setAuthTag(sealed.subarray(length));
  return concat(cipher.update(sealed.subarray(0, length)), cipher.final());
}
