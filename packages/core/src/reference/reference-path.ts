import { UmbelError } from "../errors.ts";

/**
 * The text of a path: "" for none, else "/" before each segment. Everything but unreserved characters of RFC 3986 is
 * percent-encoded as UTF-8. Throws BAD_INPUT for a segment that no path can have.
 */
export function formatPath(segments: readonly string[]): string {
  return segments
    .map((segment) => {
      const wrong = whyNoSegment(segment);
      if (wrong !== undefined) throw new UmbelError("BAD_INPUT", `the path cannot be written: ${wrong}`);
      return `/${encodeURIComponent(segment).replace(/[!'()*]/g, (each) => `%${hex(each)}`)}`;
    })
    .join("");
}

/**
 * The segments of "/a/b%20c". A slash at the end is ignored; characters may stand unencoded but for % ? # and controls.
 * `pathAt` is where `text` begins in the reference. Throws BAD_REFERENCE with the position.
 */
export function parsePath(text: string, pathAt: number): string[] {
  if (text === "/") return [];
  const segments: string[] = [];
  let at = 1;
  for (const encoded of (text.endsWith("/") ? text.slice(0, -1) : text).slice(1).split("/")) {
    const wrong = encoded.search(/%(?![0-9a-f]{2})|[?#]/i);
    if (wrong >= 0)
      throw badPath(`"${encoded[wrong]}" must be written %${hex(encoded[wrong]!)}`, pathAt + at + wrong);
    const segment = decoded(encoded);
    const why = segment === undefined ? "the percent-encoding is no UTF-8" : whyNoSegment(segment);
    if (segment === undefined || why !== undefined) throw badPath(why!, pathAt + at);
    segments.push(segment);
    at += encoded.length + 1;
  }
  return segments;
}

function whyNoSegment(segment: string): string | undefined {
  if (segment === "") return "a segment is empty";
  if (segment === "." || segment === "..") return `a segment is "${segment}"`;
  if (segment.includes("/")) return "a segment contains a slash";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(segment)) return "a segment contains a control character";
  // A surrogate without its other half (with the u flag, pairs count as one character of another class).
  return /\p{Surrogate}/u.test(segment) ? "a segment is no well-formed text" : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).toUpperCase();
}

function badPath(what: string, position: number): UmbelError {
  return new UmbelError("BAD_REFERENCE", `the path in the reference cannot be read: ${what}`, { position });
}
