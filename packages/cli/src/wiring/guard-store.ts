import { type CryptoProvider, isUmbelError, type NetworkParameters } from "@umbel/core";
import { decodeGuardFile, type GuardBias, type GuardStore, guardBias } from "@umbel/router";
import type { DataFolder } from "../files/data-folder.ts";

/** Guards in a file of the data folder, one for each network, which several commands at once may use. */
export function guardStore(folder: DataFolder, network: string): GuardStore {
  const name = guardFileName(network);
  return { load: () => folder.read(name), update: (change) => folder.update(name, change) };
}

/** A line for each guard that loses so many circuits that the person should know. Nothing is changed for them. */
export function guardWarnings(
  guards: readonly GuardBias[],
  folder: DataFolder,
  network: string,
): readonly string[] {
  const suspect = guards.filter(({ level }) => level === "warn" || level === "extreme");
  return suspect.map(({ place, attempts, successes, level }) => {
    const share = `${Math.round((100 * successes) / attempts)} % of the last ${attempts} circuits over guard ${place} worked`;
    const what = level === "extreme" ? "it is broken or hostile" : "it may be overloaded or hostile";
    const meaning = `${what}, unless many nodes are down`;
    const advice = `to choose new guards, which costs some anonymity, remove ${folder.file(guardFileName(network))}`;
    return `only ${share}: ${meaning}; nothing was changed; ${advice}`;
  });
}

/** The same lines from the file itself, for a node whose folder clients share. A file that cannot be used is one line, too. */
export async function savedGuardWarnings(
  crypto: CryptoProvider,
  network: NetworkParameters,
  folder: DataFolder,
): Promise<readonly string[]> {
  try {
    const bytes = await folder.read(guardFileName(network.name));
    if (bytes === undefined) return [];
    const { guards } = decodeGuardFile(crypto, network, bytes);
    return guardWarnings(guardBias(guards), folder, network.name);
  } catch (error) {
    if (isUmbelError(error, "BAD_CONFIG", "READ_FAILED")) return [error.message];
    throw error;
  }
}

function guardFileName(network: string): string {
  return `guards-${network}`;
}
