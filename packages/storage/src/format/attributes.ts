import { type Reader, Writer } from "@umbel/core";
import { MAX_MEDIA_TYPE_BYTES } from "./root-geometry.ts";
import { utf8 } from "./utf8.ts";

/** What a publisher may say of a file besides its bytes. Nothing of it is written unless asked for. */
export interface FileAttributes {
  /** Last change of the file in whole seconds since 1970-01-01 UTC, at most MAX_MODIFIED_SECONDS. */
  readonly modified?: number | undefined;
  /** A media type that `mediaTypeFault` allows. */
  readonly mediaType?: string | undefined;
}

/** The end of the year 9999, in seconds since 1970: what every calendar can show. */
export const MAX_MODIFIED_SECONDS = 253_402_300_799;

/** Why `mediaType` cannot stand in a root or table, or undefined: `type/subtype` in lower case (RFC 6838, 4.2). */
export function mediaTypeFault(mediaType: string): string | undefined {
  if (mediaType.length > MAX_MEDIA_TYPE_BYTES) return `longer than ${MAX_MEDIA_TYPE_BYTES} characters`;
  return MEDIA_TYPE.test(mediaType) ? undefined : "not type/subtype in lower case";
}

/**
 * Nothing when there are none; else flags u8 (1 modification time, 2 media type) | modification time u64 | media type.
 * Its length stands elsewhere, u8.
 */
export function encodeAttributes({ modified, mediaType }: FileAttributes): Uint8Array {
  const flags =
    (modified === undefined ? 0 : MODIFIED_FLAG) | (mediaType === undefined ? 0 : MEDIA_TYPE_FLAG);
  if (flags === 0) return new Uint8Array(0);
  const type = utf8(mediaType ?? "");
  const writer = new Writer(1 + (modified === undefined ? 0 : 8) + type.length).u8(flags);
  if (modified !== undefined) writer.u64(modified);
  return writer.bytes(type).finish();
}

/** Reads the `length` bytes that `encodeAttributes` made. Throws BAD_ENCODING. */
export function decodeAttributes(reader: Reader, length: number): FileAttributes {
  if (length === 0) return {};
  const flags = reader.u8("attributes");
  if (flags === 0 || flags > (MODIFIED_FLAG | MEDIA_TYPE_FLAG)) {
    throw reader.fault("attributes", "not known to this umbel");
  }
  const hasTime = (flags & MODIFIED_FLAG) !== 0;
  const typeBytes = length - 1 - (hasTime ? 8 : 0);
  if (typeBytes < 0 || ((flags & MEDIA_TYPE_FLAG) === 0) !== (typeBytes === 0)) {
    throw reader.fault("attributes", `not ${length} bytes`);
  }
  const modified = hasTime ? decodeModified(reader) : undefined;
  const mediaType = typeBytes > 0 ? decodeMediaType(reader, typeBytes) : undefined;
  return { ...(modified !== undefined && { modified }), ...(mediaType !== undefined && { mediaType }) };
}

const MODIFIED_FLAG = 1;
const MEDIA_TYPE_FLAG = 2;
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$/;

function decodeModified(reader: Reader): number {
  const modified = reader.u64("modification time");
  if (modified > MAX_MODIFIED_SECONDS) throw reader.fault("modification time", "after the year 9999");
  return modified;
}

function decodeMediaType(reader: Reader, length: number): string {
  const mediaType = String.fromCharCode(...reader.bytes(length, "media type"));
  const fault = mediaTypeFault(mediaType);
  if (fault !== undefined) throw reader.fault("media type", fault);
  return mediaType;
}
