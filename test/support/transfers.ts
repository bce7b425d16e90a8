import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { type Client, HOLDER_COUNT, openReference, type PublishResult, publish } from "@umbel/storage";
import { fileReference } from "./file-reference.ts";
import { collect, streamOf } from "./publishing.ts";
import { createSeededRandom } from "./seeded-random.ts";

/** Publishes bytes as one file over a client's circuits. */
export async function publishOver(
  client: Client,
  bytes: Uint8Array,
  seed = "publish",
): Promise<PublishResult> {
  const network = client.operation();
  try {
    return await publish({
      crypto: nodeProvider,
      random: createSeededRandom(seed),
      network,
      source: { kind: "file", read: () => streamOf(bytes) },
      wanted: HOLDER_COUNT,
    });
  } finally {
    network.close();
  }
}

/** Fetches the one file that a reference names, whole. `during` hears how many blocks have arrived. */
export async function fetchOver(
  client: Client,
  reference: string,
  during?: (blocks: number) => void,
): Promise<Uint8Array> {
  const network = client.operation();
  try {
    const opened = await openReference({
      crypto: nodeProvider,
      random: createSeededRandom("fetch"),
      network,
      reference: fileReference(reference),
      progress: during,
    });
    if (opened.kind !== "file") throw new Error("not a file");
    return await collect(opened.content());
  } finally {
    network.close();
  }
}
