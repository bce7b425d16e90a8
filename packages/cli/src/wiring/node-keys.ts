import {
  decodeKeyFile,
  encodeHopKeyFile,
  encodeKeyFile,
  generateNodeKeys,
  hopKeyNumber,
  isUmbelError,
  type KeyFile,
  type LastingKeys,
  periodAt,
  UmbelError,
} from "@umbel/core";
import type { HopKeyStore, WorldPorts } from "@umbel/storage";
import type { DataFolder } from "../files/data-folder.ts";

const KEY_FILE = "node.key";

/** The lasting keys of the node whose folder it is; made there when it has none. Throws BAD_CONFIG, WRITE_FAILED, DISK_FULL. */
export async function loadKeys(world: WorldPorts, folder: DataFolder): Promise<LastingKeys> {
  const saved = await folder.read(KEY_FILE);
  if (saved === undefined) {
    const keys = generateNodeKeys(world.crypto, world.random);
    await folder.write(KEY_FILE, encodeKeyFile(world.crypto, keys));
    return keys;
  }
  const keys = readKeys(world, folder, saved);
  if (keys.hopKey !== undefined) await moveHopKey(world, folder, keys, keys.hopKey.secret);
  return keys;
}

/** Two files, each erased when its key is over: see `createHopKeyring`. */
export function hopKeyStore(folder: DataFolder): HopKeyStore {
  const name = (place: number): string => `hop-${place}.key`;
  return {
    load: (place) => folder.read(name(place)),
    save: (place, bytes) => folder.write(name(place), bytes),
    erase: (place) => folder.erase(name(place)),
  };
}

/** Whoever reads that a key file is damaged must know which, and that a backup or a new node are the two ways on. */
function readKeys(world: WorldPorts, folder: DataFolder, saved: Uint8Array): KeyFile {
  try {
    return decodeKeyFile(world.crypto, saved);
  } catch (cause) {
    if (!isUmbelError(cause, "BAD_CONFIG")) throw cause;
    const file = folder.file(KEY_FILE);
    throw new UmbelError(
      "BAD_CONFIG",
      `${cause.message} (${file}; restore it, or remove it for a new node)`,
      { cause },
    );
  }
}

/** The descriptor of this period names the hop key of an old key file: it becomes the first of those that rotate. */
async function moveHopKey(
  { crypto, network, clock }: WorldPorts,
  folder: DataFolder,
  keys: LastingKeys,
  secret: Uint8Array,
): Promise<void> {
  const number = hopKeyNumber(periodAt(network, clock.unixNow()));
  await hopKeyStore(folder).save(number % 2 === 0 ? 0 : 1, encodeHopKeyFile(crypto, { number, secret }));
  await folder.write(KEY_FILE, encodeKeyFile(crypto, keys));
}
