import {
  type Clock,
  type CryptoProvider,
  type Descriptor,
  type DescriptorContent,
  type Millis,
  type NetworkParameters,
  type NodeKeys,
  periodAt,
  periodStart,
  signDescriptor,
} from "@umbel/core";

/** The next period's descriptor is published in this last part of a period. */
const AHEAD_PART = 1 / 4;

export interface SelfDescriptorOptions {
  readonly crypto: CryptoProvider;
  readonly network: NetworkParameters;
  /** The keys of a period; undefined while there is no hop key for it that will outlive a restart. */
  readonly keys: (period: number) => NodeKeys | undefined;
  /** The same for as long as a period lasts: two descriptors of one period are evidence against the node. */
  readonly content: Omit<DescriptorContent, "period">;
  readonly clock: Clock;
}

/**
 * What a node publishes at any time: the descriptor of the current period, and in the last quarter of it the next
 * one's too. Each is signed once. Throws what `signDescriptor` throws.
 */
export function createSelfDescriptors(options: SelfDescriptorOptions): () => readonly Uint8Array[] {
  const { crypto, network, keys, content, clock } = options;
  const signed = new Map<number, Descriptor>();
  return () => {
    const now: Millis = clock.unixNow();
    const current = periodAt(network, now);
    const left = periodStart(network, current + 1) - now;
    const periods = left <= network.descriptorPeriodMs * AHEAD_PART ? [current, current + 1] : [current];
    for (const period of signed.keys()) if (!periods.includes(period)) signed.delete(period);
    return periods.flatMap((period) => {
      const own = keys(period);
      const descriptor =
        signed.get(period) ?? (own && signDescriptor(crypto, network, own, { ...content, period }));
      if (descriptor === undefined) return [];
      signed.set(period, descriptor);
      return [descriptor.bytes];
    });
  };
}
