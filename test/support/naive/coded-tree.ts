import { createCipheriv, createHash, createHmac } from "node:crypto";
import { naiveMultiply } from "./reed-solomon.ts";

/*
 * A coded tree from its definition alone (docs/spec/08-files-and-sites.md, Coding): everything is in memory, and every list is
 * built by slicing.
 */

export interface NaiveTree {
  readonly leaves: readonly Uint8Array[];
  /** Data blocks and parity blocks of a full segment, cross segments of a group. */
  readonly coding: readonly [number, number, number];
  readonly verifyKey: Uint8Array;
  /** 1 content, 2 children, 3 shared blocks. */
  readonly number: number;
  readonly topIds: number;
  /** Seals up to 1,015 ids as the index block `index` of `level`. */
  sealIndex(level: number, index: number, ids: readonly Buffer[]): Uint8Array;
}

/** Ids of the top level, and every block with its level and whether it is parity. */
export function naiveTree(tree: NaiveTree): { topIds: Buffer[]; blocks: NaiveBlock[] } {
  const blocks: NaiveBlock[] = [];
  let data = tree.leaves;
  for (let level = 0; ; level++) {
    const ids = codeLevel(tree, level, data, blocks);
    if (ids.length <= tree.topIds) return { topIds: ids, blocks };
    data = slices(ids, 1015).map((part, index) => tree.sealIndex(level + 1, index, part));
  }
}

export interface NaiveBlock {
  readonly level: number;
  readonly isParity: boolean;
  readonly block: Uint8Array;
}

export function naiveBlockId(block: Uint8Array): Buffer {
  return createHash("sha256").update("umbel1 block id\0").update(block).digest();
}

function codeLevel(
  tree: NaiveTree,
  level: number,
  data: readonly Uint8Array[],
  blocks: NaiveBlock[],
): Buffer[] {
  const segments = segmentsOf(data, tree.coding[0]);
  const cross = segments.length >= 16 ? tree.coding[2] : 0;
  const ids: Buffer[] = [];
  const put = (block: Uint8Array, isParity: boolean): void => {
    blocks.push({ level, isParity, block });
    ids.push(naiveBlockId(block));
  };
  for (const [group, members] of slices(segments, 128).entries()) {
    for (const [s, segment] of members.entries()) {
      for (const block of segment) put(block, false);
      const rows = parityRows(segment, parityCount(tree.coding, segment.length));
      for (const [row, sum] of rows.entries()) put(mask(tree, level, 0, row, group * 128 + s, sum), true);
    }
    for (let r = 0; r < cross; r++) {
      const number = group * cross + r;
      const columns = Array.from({ length: members[0]!.length }, (_, j) =>
        parityRow(
          members.map((segment) => segment[j] ?? new Uint8Array(data[0]!.length)),
          r,
        ),
      );
      const masked = columns.map((sum, row) => mask(tree, level, 2, row, number, sum));
      for (const block of masked) put(block, true);
      const rows = parityRows(masked, parityCount(tree.coding, masked.length));
      for (const [row, sum] of rows.entries()) put(mask(tree, level, 1, row, number, sum), true);
    }
  }
  return ids;
}

/** Full segments, and the last two as equal as can be. */
function segmentsOf(data: readonly Uint8Array[], full: number): Uint8Array[][] {
  if (data.length <= full) return [[...data]];
  const before = (Math.ceil(data.length / full) - 2) * full;
  const middle = before + Math.ceil((data.length - before) / 2);
  return [...slices(data.slice(0, before), full), data.slice(before, middle), data.slice(middle)];
}

function parityCount([full, parity]: readonly [number, number, number], data: number): number {
  if (parity === 0) return 0;
  const more = (Math.floor(2 * Math.sqrt(data)) + 2) * (1 - data / full);
  return Math.min(128, Math.ceil((parity * data) / full) + Math.ceil(more - 1e-9));
}

function parityRows(data: readonly Uint8Array[], count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, row) => parityRow(data, row));
}

/** sum of 1 / ((128 + row) xor column) times the block of the column. */
function parityRow(data: readonly Uint8Array[], row: number): Uint8Array {
  const sum = new Uint8Array(data[0]!.length);
  for (const [column, block] of data.entries()) {
    const products = productsOf((128 + row) ^ column);
    for (let at = 0; at < sum.length; at++) sum[at]! ^= products[block[at]!]!;
  }
  return sum;
}

const known = new Map<number, Uint8Array>();

/** Products of 1 / value with every byte. */
function productsOf(value: number): Uint8Array {
  let products = known.get(value);
  if (products === undefined) {
    const inverse = Array.from({ length: 256 }, (_, b) => b).find((b) => naiveMultiply(value, b) === 1)!;
    products = Uint8Array.from({ length: 256 }, (_, b) => naiveMultiply(inverse, b));
    known.set(value, products);
  }
  return products;
}

/** xor with ChaCha20, nonce = level u8 | use u8 | row u16 | segment u64. OpenSSL's IV is counter u32 LE | nonce. */
function mask(
  tree: NaiveTree,
  level: number,
  use: number,
  row: number,
  segment: number,
  block: Uint8Array,
): Buffer {
  const info = Buffer.concat([Buffer.from("umbel1 use parity mask\0"), Buffer.of(tree.number)]);
  const key = expand(tree.verifyKey, info);
  const iv = Buffer.alloc(16);
  iv[4] = level;
  iv[5] = use;
  iv.writeUInt16BE(row, 6);
  iv.writeBigUInt64BE(BigInt(segment), 8);
  return createCipheriv("chacha20", key, iv).update(block);
}

/** HKDF-Expand to 32 bytes: one block of HMAC-SHA256(key, info | 1). */
function expand(key: Uint8Array, info: Uint8Array): Buffer {
  return createHmac("sha256", key).update(info).update(Uint8Array.of(1)).digest();
}

function slices<Item>(list: readonly Item[], length: number): Item[][] {
  const parts: Item[][] = [];
  for (let at = 0; at < list.length; at += length) parts.push(list.slice(at, at + length));
  return parts;
}
