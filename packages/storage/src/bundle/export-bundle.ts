import { type BlockId, UmbelError } from "@umbel/core";
import { blockIdOf } from "../block/location.ts";
import { REPAIR_GETS_AT_ONCE } from "../limits.ts";
import { atOnce } from "../repair/at-once.ts";
import { type ContentRepairOptions, contextOf } from "../repair/repair-content.ts";
import { wholeSegment } from "../repair/repair-segment.ts";
import { findSlot, type SiteVerifyTarget } from "../repair/repair-site.ts";
import { type VerifyTarget, type WalkedPart, walkVerify } from "../repair/verify-walk.ts";
import { withOwnSignal } from "../service/cancellation.ts";
import type { Slot } from "../slot/slot.ts";
import { openSlotVerifyPart } from "../slot/slot-body.ts";
import { type BundleEntry, type BundleTable, BundleTableWriter } from "./bundle-format.ts";

/** The file that a bundle is written to, in any order. */
export interface BundleSink {
  /** Throws WRITE_FAILED, DISK_FULL. */
  write(position: number, bytes: Uint8Array): Promise<void>;
}

export interface ExportOptions
  extends Pick<ContentRepairOptions, "crypto" | "random" | "network" | "timing" | "signal"> {
  readonly target: VerifyTarget | SiteVerifyTarget;
  /** False to leave parity out: a fifth smaller, and whoever imports it cannot make parity. */
  readonly parity: boolean;
  /** Where the file goes: asked for once the table is known, with the length that the whole file is going to have. */
  readonly open: (fileBytes: number) => Promise<BundleSink>;
  readonly progress?:
    | ((progress: { readonly blocksDone: number; readonly blocksTotal: number }) => void)
    | undefined;
}

/**
 * Writes all that a verify key leads to as one bundle; what is missing in the network is decoded first. Walks twice: for the ids, then
 * for the blocks. Nothing in it says which root is meant, and it holds no key. Throws NOT_FOUND when something cannot be had, and what
 * `repairContent` and the sink throw.
 */
export function exportBundle(options: ExportOptions): Promise<BundleTable> {
  return withOwnSignal(options.signal, (signal) => writeBundle({ ...options, signal }));
}

async function writeBundle(options: ExportOptions): Promise<BundleTable> {
  const { target, slot } = await contentOf(options);
  const table = await collectIds(options, target, slot);
  const sink = await options.open(table.fileBytes);
  await sink.write(0, table.bytes);
  let blocksDone = 0;
  const write = async (id: BlockId, block: Uint8Array) => {
    const index = table.indexOf(id);
    if (index === undefined) return;
    await sink.write(table.position(index), block);
    options.progress?.({ blocksDone: ++blocksDone, blocksTotal: table.count });
  };
  if (slot !== undefined) for (const { id } of entriesOf(options, slot)) await write(id, slot.bytes);
  for await (const part of partsOf(options, target)) {
    if (part.kind === "root") await write(part.id, part.block as Uint8Array);
    else if (part.kind === "segment") await writeSegment(options, part, write);
  }
  return table;
}

/** The content to walk, and of a site the edition that names it. */
async function contentOf(
  options: ExportOptions,
): Promise<{ readonly target: VerifyTarget; readonly slot: Slot | undefined }> {
  const { target, crypto } = options;
  if ("rootId" in target) return { target, slot: undefined };
  const { best: slot } = await findSlot(options, target.slotId);
  if (slot === undefined) throw new UmbelError("NOT_FOUND", "no location has the site");
  const part = openSlotVerifyPart(crypto, target.verifyKey, slot);
  if (part.kind === "edition") return { target: part, slot };
  throw new UmbelError(
    "BAD_INPUT",
    part.kind === "revocation"
      ? "the owner revoked the site: bundle one of its editions instead"
      : "the site was handed over: bundle the reference that umbel fetch names instead",
  );
}

/** An edition stands in the network under its slot, and by its hash as a block like a root. */
function entriesOf({ crypto }: ExportOptions, slot: Slot): readonly BundleEntry[] {
  return [
    { kind: "slot", id: slot.id },
    { kind: "root", id: blockIdOf(crypto, slot.bytes) },
  ];
}

async function collectIds(
  options: ExportOptions,
  target: VerifyTarget,
  slot: Slot | undefined,
): Promise<BundleTable> {
  const table = new BundleTableWriter();
  if (slot !== undefined) for (const entry of entriesOf(options, slot)) table.add(entry);
  for await (const part of partsOf(options, target)) {
    if (part.kind === "root") table.add({ kind: "root", id: part.id });
    if (part.kind !== "segment") continue;
    for (const id of await idsOf(options, part)) table.add({ kind: "block", id });
  }
  return table.finish(options.crypto);
}

type Segment = Extract<WalkedPart, { readonly kind: "segment" }>;

/** The walk, which must come by everything. */
async function* partsOf(
  options: ExportOptions,
  target: VerifyTarget,
): AsyncGenerator<WalkedPart, void, undefined> {
  for await (const part of walkVerify(contextOf(options), target)) {
    if (part.kind === "lost children" || (part.kind === "root" && part.block === undefined)) {
      throw new UmbelError(
        "NOT_FOUND",
        "a root was not found at any of its locations: a bundle would not be whole; umbel repair --check says what is left",
      );
    }
    yield part;
  }
}

/** The ids of a segment that go into the bundle. Without parity the cross segments stay out, too: they are parity. */
async function idsOf(
  { parity }: ExportOptions,
  { tree, level, segment }: Segment,
): Promise<readonly BlockId[]> {
  if (!parity && segment.kind === "cross") return [];
  const ids = await tree.segmentIds(level, segment);
  return parity ? ids : ids.slice(0, segment.data);
}

async function writeSegment(
  options: ExportOptions,
  part: Segment,
  write: (id: BlockId, block: Uint8Array) => Promise<void>,
): Promise<void> {
  const ids = await idsOf(options, part);
  if (ids.length === 0) return;
  const blocks = await wholeSegment(contextOf(options), options, part, ids);
  await atOnce(ids.entries(), REPAIR_GETS_AT_ONCE, ([at, id]) => write(id, blocks[at] as Uint8Array));
}
