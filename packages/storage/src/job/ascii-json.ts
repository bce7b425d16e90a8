/** JSON of a value as ASCII bytes with a line break at the end: other characters are escaped, so that any name fits. */
export function encodeJson(value: unknown): Uint8Array {
  const text = JSON.stringify(value, undefined, 1).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return Uint8Array.from(`${text}\n`, (character) => character.charCodeAt(0));
}

/** Undoes `encodeJson`; undefined for bytes that are not JSON in ASCII. */
export function decodeJson(bytes: Uint8Array): unknown {
  if (bytes.some((byte) => byte > 0x7f)) return undefined;
  let text = "";
  for (let at = 0; at < bytes.length; at += PART_BYTES) {
    text += String.fromCharCode(...bytes.subarray(at, at + PART_BYTES));
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Arguments of one call: engines take a few ten thousand. */
const PART_BYTES = 8_192;
