/** True when every byte is zero, as padding must be. For data that is not secret. */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
