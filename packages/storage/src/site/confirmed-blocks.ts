import { type BlockId, type CryptoProvider, Reader, toHex, UmbelError, Writer } from "@umbel/core";
import { blockIdBytes } from "../block/location.ts";
import { CONFIRMED_DAYS, CONFIRMED_MAX_BLOCKS } from "../limits.ts";
import type { PutLedger } from "../publish/put-ledger.ts";

export interface ConfirmedBlocksOptions {
  readonly crypto: CryptoProvider;
  /** A secret of the site's owner: the file must not tell ids to who has not got it. */
  readonly secret: Uint8Array;
  /** Days since 1970 now. */
  readonly today: number;
  /** What `encode` gave at the last publish; absent or empty at the first. */
  readonly file?: Uint8Array | undefined;
}

/**
 * The puts of a site that were confirmed in the last CONFIRMED_DAYS days: they are not made again. Throws BAD_CONFIG for a file that
 * no umbel wrote.
 */
export class ConfirmedBlocks implements PutLedger {
  readonly #crypto: CryptoProvider;
  readonly #secret: Uint8Array;
  readonly #today: number;
  /** The day of each confirmation, by the tag of the put, the oldest first. */
  readonly #days: Map<string, number>;
  /** Puts of this run so far by block: the second of one block is its second location. */
  readonly #asked = new Map<BlockId, number>();
  readonly #tagOfPut = new Map<number, string>();
  #puts = 0;

  constructor({ crypto, secret, today, file }: ConfirmedBlocksOptions) {
    this.#crypto = crypto;
    this.#secret = secret;
    this.#today = today;
    this.#days = file === undefined || file.length === 0 ? new Map() : decodeDays(file, today);
  }

  /** Puts remembered. */
  get size(): number {
    return this.#days.size;
  }

  /** Puts that were made in this run. */
  get puts(): number {
    return this.#puts;
  }

  isConfirmed(number: number, id: BlockId): boolean {
    const turn = this.#asked.get(id) ?? 0;
    this.#asked.set(id, turn + 1);
    const tag = this.#tagOf(id, turn);
    if (this.#days.has(tag)) return true;
    this.#tagOfPut.set(number, tag);
    return false;
  }

  confirmed(number: number): void {
    const tag = this.#tagOfPut.get(number);
    if (tag === undefined) return;
    this.#tagOfPut.delete(number);
    this.#puts++;
    this.#days.set(tag, this.#today);
  }

  /** version u8 = 1 | for each put, the oldest first: day u16, tag 8. At most CONFIRMED_MAX_BLOCKS of them, the newest. */
  encode(): Uint8Array {
    const kept = [...this.#days].slice(-CONFIRMED_MAX_BLOCKS);
    const writer = new Writer(1 + kept.length * ENTRY_BYTES).u8(FILE_VERSION);
    for (const [tag, day] of kept) writer.u16(day).bytes(fromHex(tag));
    return writer.finish();
  }

  #tagOf(id: BlockId, turn: number): string {
    const tag = this.#crypto.hmacSha256(this.#secret, blockIdBytes(id), new Writer(4).u32(turn).finish());
    return toHex(tag.subarray(0, TAG_BYTES));
  }
}

const FILE_VERSION = 1;
/** A tag that meets another's would leave one block out: at 500,000 puts with a chance of 2^-45 each, and parity stands in. */
const TAG_BYTES = 8;
const ENTRY_BYTES = 2 + TAG_BYTES;

function decodeDays(file: Uint8Array, today: number): Map<string, number> {
  const count = (file.length - 1) / ENTRY_BYTES;
  if (file[0] !== FILE_VERSION || !Number.isInteger(count) || count > CONFIRMED_MAX_BLOCKS)
    throw new UmbelError("BAD_CONFIG", "the list of a site's confirmed blocks is damaged; remove it");
  const reader = new Reader(file.subarray(1), "confirmed blocks");
  const days = new Map<string, number>();
  for (let entry = 0; entry < count; entry++) {
    const day = reader.u16("day");
    const tag = toHex(reader.bytes(TAG_BYTES, "tag"));
    if (day <= today && today - day < CONFIRMED_DAYS) days.set(tag, day);
  }
  return days;
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, at) =>
    Number.parseInt(text.slice(2 * at, 2 * at + 2), 16),
  );
}
