import { MAX_DIRECTORY_FILE_BYTES } from "@umbel/router";
import type { DirectoryStore } from "@umbel/storage";
import type { DataFolder } from "../files/data-folder.ts";

/** A client's directory in a file of the data folder, one for each network, which several commands at once may use. */
export function directoryStore(folder: DataFolder, network: string): DirectoryStore {
  const name = `directory-${network}`;
  return {
    load: () => folder.read(name, MAX_DIRECTORY_FILE_BYTES),
    update: (change) => folder.update(name, change),
  };
}
