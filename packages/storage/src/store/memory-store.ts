import { BLOCK_BYTES, type BlockId, UmbelError } from "@umbel/core";
import { type BlockStore, copiesOf } from "./block-store.ts";

interface Held {
  readonly block: Uint8Array;
  copies: number;
}

/** A store that lives as long as the process: for tests, simulations and the browser. `maxBytes` counts blocks alone. */
export function createMemoryStore(options: { readonly maxBytes: number }): BlockStore {
  const maxBlocks = Math.floor(options.maxBytes / BLOCK_BYTES);
  const blocks = new Map<BlockId, Held>();
  let closed = false;
  const mustBeOpen = () => {
    if (closed) throw new UmbelError("INTERNAL", "the block store is closed");
  };
  return {
    async get(id) {
      mustBeOpen();
      return blocks.get(id)?.block.slice();
    },
    async put(id, copy, block) {
      mustBeOpen();
      if (block.length !== BLOCK_BYTES) {
        throw new UmbelError("BAD_ENCODING", `a block has ${BLOCK_BYTES} bytes`);
      }
      const held = blocks.get(id);
      if (held !== undefined) {
        held.copies |= 1 << copy;
        return "known";
      }
      if (blocks.size >= maxBlocks) return "full";
      blocks.set(id, { block: block.slice(), copies: 1 << copy });
      return "stored";
    },
    async remove(id) {
      mustBeOpen();
      return blocks.delete(id);
    },
    async has(id) {
      mustBeOpen();
      return blocks.has(id);
    },
    count: () => blocks.size,
    async *entries() {
      mustBeOpen();
      for (const [id, held] of [...blocks]) yield { id, copies: copiesOf(held.copies) };
    },
    async close() {
      closed = true;
    },
  };
}
