import {
  type Descriptor,
  decodeDescriptor,
  equalBytes,
  isUmbelError,
  type Logger,
  type NodeId,
  periodAt,
} from "@umbel/core";
import { createSelfDescriptors, type SelfDescriptorOptions } from "@umbel/router";

/** Where a node keeps the descriptors that it signed, one per period. */
export interface DescriptorStore {
  load(period: number): Promise<Uint8Array | undefined>;
  save(period: number, bytes: Uint8Array): Promise<void>;
}

/** What `createLastingDescriptors` needs beside what signs descriptors. */
export interface LastingDescriptorOptions extends SelfDescriptorOptions {
  readonly ownId: NodeId;
  readonly store: DescriptorStore;
  readonly log: Logger;
}

/**
 * `createSelfDescriptors` that keeps its word across restarts: what was signed once for a period stays, since two descriptors for
 * one period are evidence against a node (docs/spec/06-directory.md). A changed address or role takes effect with the next period,
 * and a warning says so. Throws what `store` throws at the start; a later failure is logged and tried again.
 */
export async function createLastingDescriptors(
  options: LastingDescriptorOptions,
): Promise<() => readonly Uint8Array[]> {
  const { crypto, network, clock, ownId, store, log } = options;
  const fresh = createSelfDescriptors(options);
  const lasting = new Map<number, Uint8Array>();

  const period = periodAt(network, clock.unixNow());
  for (const candidate of [period, period + 1]) {
    const saved = readSaved(options, await store.load(candidate));
    if (saved?.nodeId === ownId && saved.period === candidate) lasting.set(candidate, saved.bytes);
  }
  for (const bytes of fresh()) {
    const signed = decodeDescriptor(crypto, network, bytes);
    const saved = lasting.get(signed.period);
    if (saved === undefined) await store.save(signed.period, bytes);
    else if (!equalBytes(saved, bytes)) log.warn("descriptor.change-waits");
    lasting.set(signed.period, saved ?? bytes);
  }

  return () =>
    fresh().map((bytes) => {
      const signed = decodeDescriptor(crypto, network, bytes);
      const held = lasting.get(signed.period);
      if (held !== undefined) return held;
      for (const past of lasting.keys()) if (past < signed.period - 1) lasting.delete(past);
      lasting.set(signed.period, bytes);
      store.save(signed.period, bytes).catch(() => log.error("descriptor.not-saved"));
      return bytes;
    });
}

function readSaved(options: LastingDescriptorOptions, bytes: Uint8Array | undefined): Descriptor | undefined {
  if (bytes === undefined) return undefined;
  try {
    return decodeDescriptor(options.crypto, options.network, bytes);
  } catch (error) {
    if (isUmbelError(error)) return undefined;
    throw error;
  }
}
