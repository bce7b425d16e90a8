import { join } from "node:path";
import { createHandshakePool } from "@umbel/router/platform/handshake-pool";
import { type DescriptorStore, startNode as startOverlayNode, storeKeyOf } from "@umbel/storage";
import { openLmdbStore } from "@umbel/storage/platform/lmdb-store";
import type { NodeOptions, RunningNode } from "../engine.ts";
import { type DataFolder, lockDataFolder } from "../files/data-folder.ts";
import { savedGuardWarnings } from "./guard-store.ts";
import { hopKeyStore, loadKeys } from "./node-keys.ts";
import { bootstrapEntries, realWorld } from "./world.ts";

/** Bytes of blocks that a node keeps at most, until its configuration says otherwise: 10 GiB. */
const DEFAULT_STORE_BYTES = 10 * 2 ** 30;
/** Of these, bytes of cached copies at most: 1 GiB. */
const DEFAULT_CACHE_BYTES = 2 ** 30;
const DEFAULT_CAPACITY_CLASS = 1;
const STORE_FOLDER = "blocks";

/**
 * Starts a node on its data folder: keys, descriptors and blocks are there, or are made there. Throws IN_USE when another node has
 * the folder or the address, BAD_CONFIG for files that cannot be read, DISK_FULL, BAD_INPUT.
 */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const world = realWorld(options.network, options.log);
  const bootstrap = bootstrapEntries(options.bootstrap);
  const folder = await lockDataFolder(options.dataDir);
  try {
    const keys = await loadKeys(world, folder);
    const store = options.roles.includes("store")
      ? await openLmdbStore({
          folder: join(folder.path, STORE_FOLDER),
          crypto: world.crypto,
          key: storeKeyOf(world.crypto, keys.identity.seed),
          maxBytes: options.storeBytes ?? DEFAULT_STORE_BYTES,
          maxCacheBytes: options.cacheBytes ?? DEFAULT_CACHE_BYTES,
        })
      : undefined;
    const responder = createHandshakePool({
      onFault: () => options.log.error("node.fault", { kind: "handshake-worker" }),
    });
    try {
      const node = await startOverlayNode({
        ...world,
        keys,
        hopKeys: hopKeyStore(folder),
        responder,
        listen: options.listen,
        announce: options.announce,
        bootstrap,
        relay: options.roles.includes("relay"),
        store,
        capacityClass: options.capacity ?? DEFAULT_CAPACITY_CLASS,
        family: options.family,
        constantRateLinks: options.constantRateLinks,
        queueBytes: options.queueBytes,
        descriptors: descriptorStore(folder),
      });
      return {
        nodeId: node.nodeId,
        url: node.url,
        ready: node.ready,
        get directorySize() {
          return node.directory.size;
        },
        onDirectoryChanged(listener) {
          node.directory.onAdded(() => listener(node.directory.size));
        },
        guardWarnings: () => savedGuardWarnings(world.crypto, world.network, folder),
        async stop() {
          await node.stop();
          await responder.close();
          await store?.close();
          await folder.release();
        },
      };
    } catch (error) {
      await store?.close();
      throw error;
    }
  } catch (error) {
    await folder.release();
    throw error;
  }
}

/** Two files in turn: of any two periods that follow each other, neither overwrites the other. */
function descriptorStore(folder: DataFolder): DescriptorStore {
  const name = (period: number): string => `descriptor-${period % 2}`;
  return {
    load: (period) => folder.read(name(period)),
    save: (period, bytes) => folder.write(name(period), bytes),
  };
}
