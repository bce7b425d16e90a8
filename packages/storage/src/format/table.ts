import { Reader, Writer } from "@umbel/core";
import { MAX_PATH_BYTES } from "../limits.ts";
import { ByteSource } from "./byte-source.ts";
import { comparePaths, PathSet, pathFault } from "./path.ts";
import { readUtf8, utf8 } from "./utf8.ts";

/**
 * A file of a folder of up to this many bytes stands in the table; a longer one has a root of its own. A root costs
 * three copies of a block of 31.75 KiB; a long table costs whoever wants one file of it.
 */
export const ENTRY_INLINE_BYTES = 8 * 1024;

/** A file of a folder. */
export type TableEntry =
  | { readonly kind: "inline"; readonly path: string; readonly bytes: Uint8Array }
  /** A root of its own: the next of the folder's children, in order. `readKey`: 32 bytes. */
  | { readonly kind: "root"; readonly path: string; readonly size: number; readonly readKey: Uint8Array };

/** What the root of a folder says about its table, and the table must keep. */
export interface TableTotals {
  readonly files: number;
  /** Bytes of all files. */
  readonly bytes: number;
  /** Files with a root of their own. */
  readonly children: number;
}

/** What a table begins with: version u8. */
export const TABLE_HEADER: Uint8Array = Uint8Array.of(1);

/** kind u8 | path length u16 | path | size u64 | inline: the bytes (size); root: read key (32) */
export function encodeEntry(entry: TableEntry): Uint8Array {
  const path = utf8(entry.path);
  const rest = entry.kind === "inline" ? entry.bytes : entry.readKey;
  return new Writer(3 + path.length + 8 + rest.length)
    .u8(ENTRY_KIND[entry.kind])
    .u16(path.length)
    .bytes(path)
    .u64(entry.kind === "inline" ? rest.length : entry.size)
    .bytes(rest)
    .finish();
}

/**
 * The entries of a table, in order, as its bytes arrive. Throws BAD_ENCODING on anything that a publisher of ours does
 * not write: paths that are not canonical, not in order, or would meet on a file system; sums that are not `totals`.
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
const ENTRY_KIND = { inline: 1, root: 2 } as const;
const READ_KEY_BYTES = 32;

async function takeEntry(source: ByteSource): Promise<TableEntry> {
  const head = new Reader(await source.take(3, "entry"), WHAT);
  const kind = head.u8("kind");
  const pathBytes = head.u16("path length");
  if (kind !== ENTRY_KIND.inline && kind !== ENTRY_KIND.root) {
    throw source.fault("kind", `${kind} is not known to this umbel`);
  }
  if (pathBytes > MAX_PATH_BYTES)
    throw source.fault("path length", `${pathBytes}, more than ${MAX_PATH_BYTES}`);
  const body = new Reader(await source.take(pathBytes + 8, "path and size"), WHAT);
  const path = readUtf8(body, pathBytes, "path");
  const size = body.u64("size");
  if (size > ENTRY_INLINE_BYTES !== (kind === ENTRY_KIND.root)) {
    throw source.fault("kind", `wrong for a file of ${size} bytes`);
  }
  if (kind === ENTRY_KIND.inline) return { kind: "inline", path, bytes: await source.take(size, "bytes") };
  return { kind: "root", path, size, readKey: await source.take(READ_KEY_BYTES, "read key") };
}

/** What must hold between the entries of one table. */
class TableCheck {
  readonly #source: ByteSource;
  readonly #paths = new PathSet();
  #last: string | undefined;
  #files = 0;
  #bytes = 0;
  #children = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  add(entry: TableEntry): void {
    const fault = pathFault(entry.path) ?? this.#paths.add(entry.path);
    if (fault !== undefined) throw this.#source.fault("path", fault);
    if (this.#last !== undefined && comparePaths(this.#last, entry.path) >= 0) {
      throw this.#source.fault("path", "not in order");
    }
    this.#last = entry.path;
    this.#files++;
    this.#bytes += entry.kind === "inline" ? entry.bytes.length : entry.size;
    if (entry.kind === "root") this.#children++;
  }

  finish(totals: TableTotals): void {
    const same =
      totals.files === this.#files && totals.bytes === this.#bytes && totals.children === this.#children;
    if (!same) throw this.#source.fault("end", "its sums are not what the root says");
  }
}
