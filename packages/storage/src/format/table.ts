import { Reader, Writer } from "@umbel/core";
import { MAX_PATH_BYTES } from "../limits.ts";
import { decodeAttributes, encodeAttributes } from "./attributes.ts";
import { ByteSource } from "./byte-source.ts";
import { isInBlock } from "./piece.ts";
import { TableCheck } from "./table-check.ts";
import { entryKindOf, type TableEntry, type TableTotals } from "./table-entry.ts";
import { readUtf8, utf8 } from "./utf8.ts";

/** What a table begins with: version u8. */
export const TABLE_HEADER: Uint8Array = Uint8Array.of(1);

/**
 * kind u8 | path length u16 | attributes length u8 | path | size u64 | attributes | inline: the bytes (size); root: read key (32);
 * shared: block u32, offset u16, read key (32)
 */
export function encodeEntry(entry: TableEntry): Uint8Array {
  const path = utf8(entry.path);
  const attributes = encodeAttributes(entry.attributes);
  const place = entry.kind === "shared" ? PLACE_BYTES : 0;
  const rest = entry.kind === "inline" ? entry.bytes : entry.readKey;
  const writer = new Writer(HEAD_BYTES + path.length + 8 + attributes.length + place + rest.length)
    .u8(ENTRY_KIND[entry.kind])
    .u16(path.length)
    .u8(attributes.length)
    .bytes(path)
    .u64(entry.kind === "inline" ? rest.length : entry.size)
    .bytes(attributes);
  if (entry.kind === "shared") writer.u32(entry.block).u16(entry.offset);
  return writer.bytes(rest).finish();
}

/**
 * The entries of a table, in order, as its bytes arrive. Throws BAD_ENCODING on anything that a publisher of ours does
 * not write: paths that are not canonical, not in order, or would meet on a file system; pieces that do not stand one
 * behind the other; sums that are not `totals`.
 */
export async function* decodeTable(
  content: AsyncIterable<Uint8Array>,
  totals: TableTotals,
): AsyncGenerator<TableEntry, void, undefined> {
  const source = new ByteSource(content, WHAT);
  try {
    const [version] = await source.take(TABLE_HEADER.length, "version");
    if (version !== TABLE_HEADER[0]) throw source.fault("version", `${version} is not known to this umbel`);
    const check = new TableCheck(source);
    for (let i = 0; i < totals.files; i++) {
      const entry = await takeEntry(source);
      check.add(entry);
      yield entry;
    }
    if (!(await source.ended())) throw source.fault("end", "bytes after the last file");
    check.finish(totals);
  } finally {
    await source.close();
  }
}

const WHAT = "table";
const ENTRY_KIND = { inline: 1, root: 2, shared: 3 } as const;
const KIND_NAMES: readonly (TableEntry["kind"] | undefined)[] = [undefined, "inline", "root", "shared"];
/** kind, path length and attributes length */
const HEAD_BYTES = 1 + 2 + 1;
/** block u32 | offset u16 */
const PLACE_BYTES = 4 + 2;
const READ_KEY_BYTES = 32;

async function takeEntry(source: ByteSource): Promise<TableEntry> {
  const head = new Reader(await source.take(HEAD_BYTES, "entry"), WHAT);
  const number = head.u8("kind");
  const pathBytes = head.u16("path length");
  const attributesBytes = head.u8("attributes length");
  const kind = KIND_NAMES[number];
  if (kind === undefined) throw source.fault("kind", `${number} is not known to this umbel`);
  if (pathBytes > MAX_PATH_BYTES)
    throw source.fault("path length", `${pathBytes}, more than ${MAX_PATH_BYTES}`);
  const body = new Reader(await source.take(pathBytes + 8 + attributesBytes, "path and size"), WHAT);
  const path = readUtf8(body, pathBytes, "path");
  const size = body.u64("size");
  if (entryKindOf(size) !== kind) throw source.fault("kind", `wrong for a file of ${size} bytes`);
  const named = { path, attributes: decodeAttributes(body, attributesBytes) };
  if (kind === "inline") return { kind, ...named, bytes: await source.take(size, "bytes") };
  if (kind === "root")
    return { kind, ...named, size, readKey: await source.take(READ_KEY_BYTES, "read key") };
  const place = new Reader(await source.take(PLACE_BYTES + READ_KEY_BYTES, "place"), WHAT);
  const block = place.u32("block");
  const offset = place.u16("offset");
  if (!isInBlock(offset, size)) throw source.fault("offset", `${offset}: the file does not lie in its block`);
  const readKey = place.bytes(READ_KEY_BYTES, "read key").slice();
  return { kind, ...named, size, block, offset, readKey };
}
