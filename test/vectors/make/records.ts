import { CELL_BYTES, type CryptoProvider, createTransportCipher } from "@umbel/core";
import { hex, NAMED, named, sha256 } from "./sources.ts";

/** Past a REKEY, which comes after 4096 messages. */
const MESSAGES = 4100;

/** `test/vectors/records.json`. */
export function recordVectors(crypto: CryptoProvider): unknown {
  const cipher = createTransportCipher(crypto, named("record key", 32));
  const records = [1, 2, 15].map((cells) => {
    const record = cipher.seal(named(`record of ${cells}`, cells * CELL_BYTES));
    return { cells, bytes: record.length, tag: hex(record.subarray(-16)), sha256: sha256(record) };
  });
  return {
    about:
      `docs/spec/02-link.md, After the handshake and Records. ${NAMED} One direction with the key bytes(\`record key\`, 32): its ` +
      "first records, with the plaintext bytes(`record of C`, C * 4101), where real ones have cells. many: one direction with " +
      `the key bytes(\`many\`, 32) and ${MESSAGES} messages, the plaintext of number J (0, 1, ...) being bytes(\`message J\`, 32): ` +
      "SHA-256 over all sealed messages.",
    records,
    many: { messages: MESSAGES, sha256: many(crypto) },
  };
}

function many(crypto: CryptoProvider): string {
  const cipher = createTransportCipher(crypto, named("many", 32));
  const sealed = Array.from({ length: MESSAGES }, (_, message) =>
    cipher.seal(named(`message ${message}`, 32)),
  );
  return sha256(Buffer.concat(sealed));
}
