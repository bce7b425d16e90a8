import { isUmbelError } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import type { MemoryBlockNetworkOptions } from "../../../../test/support/memory-block-network.ts";
import { MemoryBlockNetwork } from "../../../../test/support/memory-block-network.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { blockIdFromBytes } from "../../src/block/location.ts";
import type { NewEdition } from "../../src/site/own-site.ts";
import type { OwnerContext, OwnerState } from "../../src/site/owner-state.ts";
import { createSiteMemory, type SiteMemoryStore } from "../../src/site/site-memory.ts";
import type { SiteContext } from "../../src/site/site-view.ts";
import { siteSeed } from "../slot/slots.ts";

/** Somebody with a memory of his own on a network that others share. */
export interface Person extends SiteContext {
  readonly notices: string[];
  readonly evidenceKept: Uint8Array[];
  readonly files: Map<string, Uint8Array>;
}

/** The bytes of a memory in a map. */
export function memoryStore(files: Map<string, Uint8Array>): SiteMemoryStore {
  return {
    salt: async () => new Uint8Array(32).fill(8),
    load: async (name) => files.get(name),
    save: async (name, bytes) => void files.set(name, bytes),
  };
}

/** A reader who has seen nothing yet. */
export function reader(network: MemoryBlockNetwork, name = "reader"): Person {
  const notices: string[] = [];
  const evidenceKept: Uint8Array[] = [];
  const files = new Map<string, Uint8Array>();
  const random = createSeededRandom(name);
  return {
    ...{ notices, evidenceKept, files, random, crypto: nodeProvider },
    networks: [network, network],
    memory: createSiteMemory(nodeProvider, random, memoryStore(files)),
    evidence: {
      keep: async (evidence) => `evidence/${evidenceKept.push(evidence)}`,
    },
    notice: (text) => void notices.push(text),
  };
}

/** The owner of site `site`, with the state of who has just created it. */
export function owner(
  network: MemoryBlockNetwork,
  site = 1,
  start: OwnerState = { isFresh: true, last: undefined, pending: undefined },
): Person & OwnerContext & { readonly stateNow: () => OwnerState } {
  let state = start;
  return {
    ...reader(network, `owner ${site}`),
    seed: siteSeed(site),
    wanted: 3,
    state: {
      load: async () => state,
      save: async (next) => {
        state = next;
      },
    },
    stateNow: () => state,
  };
}

/** A root that nobody needs to find. */
export function edition(number: number, title?: string): NewEdition {
  return {
    rootId: blockIdFromBytes(new Uint8Array(32).fill(number)),
    readKey: new Uint8Array(32).fill(number + 100),
    ...{ title, time: undefined },
  };
}

export function createNetwork(options: MemoryBlockNetworkOptions = {}): MemoryBlockNetwork {
  return new MemoryBlockNetwork(options);
}

/** The code with which a promise rejects. */
export async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
  } catch (error) {
    if (isUmbelError(error)) return error.code;
    throw error;
  }
  return undefined;
}
