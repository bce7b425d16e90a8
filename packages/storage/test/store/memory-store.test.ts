import { BLOCK_BYTES } from "@umbel/core";
import { createMemoryStore } from "@umbel/storage";
import { blockStoreCompliance } from "../../../../test/compliance/block-store.ts";

blockStoreCompliance("the memory store", async (blocks, cached) => {
  const maxBytes = blocks * BLOCK_BYTES;
  const store = createMemoryStore({ maxBytes, maxCacheBytes: cached * BLOCK_BYTES });
  return { store, maxBytes, dispose: () => store.close() };
});
