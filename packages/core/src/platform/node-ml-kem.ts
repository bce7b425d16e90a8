import * as nodeCrypto from "node:crypto";
import { nobleMlKem768, portableMlKem768 } from "../crypto/noble-provider.ts";
import {
  assertLength,
  MLKEM_CIPHERTEXT_BYTES,
  MLKEM_PUBLIC_KEY_BYTES,
  MLKEM_SECRET_KEY_BYTES,
  MLKEM_SEED_BYTES,
} from "../crypto/suite.ts";
import type { MlKem768 } from "../ports/crypto.ts";
import { plain } from "./node-keys.ts";

/** PKCS #8 up to the 64 bytes of a seed, and up to the 2400 bytes of an expanded key (draft-ietf-lamps-kyber-certificates, section 6). */
const SEED_PREFIX = "3054020100300b060960864801650304040204428040";
const EXPANDED_PREFIX = "30820978020100300b06096086480165030404020482096404820960";
/** Where the encapsulation key lies in an expanded key: after the 1152 bytes of the secret vector. */
const PUBLIC_KEY_OFFSET = 1152;

/**
 * ML-KEM-768: key pairs and decapsulation by OpenSSL where this Node has it (24.7 and later) and agrees with noble,
 * else by the portable provider. So is encapsulation always, since `node:crypto` takes no coins.
 */
export const nodeMlKem768: MlKem768 = nativeOrNoble();

type Decapsulate = (key: nodeCrypto.KeyObject, ciphertext: Uint8Array) => Buffer;

function nativeOrNoble(): MlKem768 {
  const { decapsulate } = nodeCrypto as { decapsulate?: Decapsulate };
  if (decapsulate === undefined) return portableMlKem768;
  const native = nativeMlKem768(decapsulate);
  return agreesWithNoble(native) ? native : portableMlKem768;
}

function nativeMlKem768(decapsulate: Decapsulate): MlKem768 {
  return {
    keyPair(seed) {
      assertLength("ML-KEM seed", seed, MLKEM_SEED_BYTES);
      const exported = importPkcs8(SEED_PREFIX, seed).export({ format: "der", type: "pkcs8" });
      const secretKey = new Uint8Array(exported.subarray(exported.length - MLKEM_SECRET_KEY_BYTES));
      exported.fill(0);
      const publicKey = secretKey.slice(PUBLIC_KEY_OFFSET, PUBLIC_KEY_OFFSET + MLKEM_PUBLIC_KEY_BYTES);
      return { publicKey, secretKey };
    },
    encapsulate: portableMlKem768.encapsulate,
    decapsulate(secretKey, ciphertext) {
      assertLength("ML-KEM secret key", secretKey, MLKEM_SECRET_KEY_BYTES);
      assertLength("ML-KEM ciphertext", ciphertext, MLKEM_CIPHERTEXT_BYTES);
      return plain(decapsulate(importPkcs8(EXPANDED_PREFIX, secretKey), ciphertext));
    },
  };
}

function importPkcs8(prefix: string, key: Uint8Array): nodeCrypto.KeyObject {
  const der = Buffer.concat([Buffer.from(prefix, "hex"), key]);
  const imported = nodeCrypto.createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  return imported;
}

/** One key pair, one sound and one altered ciphertext: the forms of keys and the implicit rejection are the same. */
function agreesWithNoble(native: MlKem768): boolean {
  try {
    const seed = new Uint8Array(MLKEM_SEED_BYTES).fill(1);
    const expected = nobleMlKem768.keyPair(seed);
    const made = native.keyPair(seed);
    const { ciphertext } = nobleMlKem768.encapsulate(expected.publicKey, seed.subarray(0, 32));
    const altered = ciphertext.map((byte) => byte ^ 1);
    return (
      same(made.publicKey, expected.publicKey) &&
      same(made.secretKey, expected.secretKey) &&
      [ciphertext, altered].every((sent) =>
        same(native.decapsulate(made.secretKey, sent), nobleMlKem768.decapsulate(expected.secretKey, sent)),
      )
    );
  } catch {
    return false;
  }
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
