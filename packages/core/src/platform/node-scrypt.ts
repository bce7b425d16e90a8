import { type ScryptOptions, scrypt } from "node:crypto";
import type { Scrypt } from "../crypto/passphrase.ts";
import { plain } from "./node-keys.ts";

/** scrypt by OpenSSL, on a thread of its own. */
export const nodeScrypt: Scrypt = (passphrase, salt, { logN, r, p }, length) => {
  // What OpenSSL counts: the table of N rows, p blocks, and two rows more.
  const maxmem = 128 * r * (2 ** logN + p + 2);
  const options: ScryptOptions = { N: 2 ** logN, r, p, maxmem };
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, length, options, (error, key) => (error ? reject(error) : resolve(plain(key))));
  });
};
