import { createHash } from "node:crypto";
import { type BlockId, encodeBase32, LABELS } from "@umbel/core";
import {
  BUNDLE_HEADER_BYTES,
  BundleTableWriter,
  bundleTableBytes,
  decodeBundleHeader,
  decodeBundleTable,
} from "@umbel/storage";
import { decodedOrRefused, type FuzzTarget, must, mustReencode } from "../target.ts";
import { crypto, noise } from "./fixed.ts";

const KINDS = ["block", "root", "slot"] as const;

function tableOf(count: number): Uint8Array {
  const writer = new BundleTableWriter();
  for (let at = 0; at < count; at++) {
    writer.add({ kind: KINDS[at % 3]!, id: encodeBase32(noise(`entry ${at}`, 32)) as BlockId });
  }
  return writer.finish(crypto).bytes;
}

const bundleTable: FuzzTarget = {
  name: "bundle-table",
  covers: ["decodeBundleHeader", "decodeBundleTable"],
  maxBytes: 2000,
  words: ["umbel bundle"],
  seeds: () => [1, 2, 9].map(tableOf),
  run(bytes) {
    const header = bytes.subarray(0, BUNDLE_HEADER_BYTES);
    const count = decodedOrRefused(["BAD_ENCODING"], () => decodeBundleHeader(header));
    const table = decodedOrRefused(["BAD_ENCODING"], () => decodeBundleTable(crypto, bytes));
    if (table === undefined) return;
    must(
      table.count === count && bytes.length === bundleTableBytes(table.count),
      "a table of another length",
    );
    const writer = new BundleTableWriter();
    for (let at = table.count - 1; at >= 0; at--) {
      const entry = table.entry(at);
      must(table.indexOf(entry.id) === at, "an entry is not found by its id");
      writer.add(entry);
    }
    mustReencode(bytes, writer.finish(crypto).bytes);
  },
  repair(bytes) {
    if (bytes.length < BUNDLE_HEADER_BYTES + 32) return bytes;
    const repaired = bytes.slice();
    const end = repaired.length - 32;
    new DataView(repaired.buffer).setUint32(20, Math.max(1, Math.floor((end - BUNDLE_HEADER_BYTES) / 33)));
    const digest = createHash("sha256").update(LABELS.bundleTable).update(repaired.subarray(0, end)).digest();
    repaired.set(digest, end);
    return repaired;
  },
};

export const BUNDLE_TARGETS: readonly FuzzTarget[] = [bundleTable];
