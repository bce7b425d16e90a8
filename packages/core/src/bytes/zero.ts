const WORD_BYTES = 4;

/** True when every byte is zero, as padding must be. For data that is not secret. */
export function isZero(bytes: Uint8Array): boolean {
  if (bytes.length === 0) return true;
  // By words: most of a cell with a short message is padding.
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  for (; at + WORD_BYTES <= bytes.length; at += WORD_BYTES) if (words.getInt32(at) !== 0) return false;
  for (; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}
