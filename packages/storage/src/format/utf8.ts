import type { Reader } from "@umbel/core";

/** UTF-8 of well-formed text. Throws a URIError on a lone surrogate, which no checked path or name has. */
export function utf8(text: string): Uint8Array {
  const escaped = encodeURIComponent(text);
  const bytes: number[] = [];
  for (let at = 0; at < escaped.length; at++) {
    if (escaped[at] === "%") {
      bytes.push(Number.parseInt(escaped.slice(at + 1, at + 3), 16));
      at += 2;
    } else bytes.push(escaped.charCodeAt(at));
  }
  return Uint8Array.from(bytes);
}

/** Reads `length` bytes that must be well-formed UTF-8 (decodeURIComponent refuses any other form). */
export function readUtf8(reader: Reader, length: number, field: string): string {
  const escapes = Array.from(reader.bytes(length, field), (byte) => `%${byte.toString(16).padStart(2, "0")}`);
  try {
    return decodeURIComponent(escapes.join(""));
  } catch {
    throw reader.fault(field, "not UTF-8");
  }
}
