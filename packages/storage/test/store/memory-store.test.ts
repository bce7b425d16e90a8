import { BLOCK_BYTES } from "@umbel/core";
import { createMemoryStore } from "@umbel/storage";
import { blockStoreCompliance } from "../../../../test/compliance/block-store.ts";

blockStoreCompliance("the memory store", async (blocks) => {
  const store = createMemoryStore({ maxBytes: blocks * BLOCK_BYTES });
  return { store, dispose: () => store.close() };
});
