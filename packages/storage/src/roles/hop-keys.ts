import {
  type Clock,
  type CryptoProvider,
  decodeHopKeyFile,
  encodeHopKeyFile,
  type HopKeyFile,
  type HopKeyPair,
  hopKeyNumber,
  isUmbelError,
  type Logger,
  type NetworkParameters,
  periodAt,
  type RandomSource,
  type StaticKeyPair,
  staticKeyPair,
} from "@umbel/core";

/** Where a node keeps its hop keys: two places, so that the next one never overwrites the one in use. */
export interface HopKeyStore {
  load(place: 0 | 1): Promise<Uint8Array | undefined>;
  save(place: 0 | 1, bytes: Uint8Array): Promise<void>;
  /** Overwrites what is there as far as the medium allows, and removes it. */
  erase(place: 0 | 1): Promise<void>;
}

export interface HopKeyringOptions {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly network: NetworkParameters;
  readonly clock: Clock;
  readonly store: HopKeyStore;
  readonly log: Logger;
}

/** The hop keys of a node as time passes (docs/spec/04-circuits.md, Hop keys). */
export interface HopKeyring {
  /** The keys that are answered under now: that of this period first. */
  inForce(): readonly HopKeyPair[];
  /** The key that the descriptor of a period names; undefined before it is on disk, and once it is erased. */
  of(period: number): StaticKeyPair | undefined;
}

/**
 * Loads the keys that are still in force, erases the others, and makes those that lack; a damaged one is replaced, which a
 * warning says. Throws what `store` throws at the start; a later failure is logged and tried again.
 */
export async function createHopKeyring(options: HopKeyringOptions): Promise<HopKeyring> {
  const { network, clock, store, log } = options;
  const keys = await loadKeys(options);
  const unsaved = new Map<number, HopKeyPair>();
  let onDisk: Promise<void> = Promise.resolve();
  let current: { readonly period: number; readonly inForce: readonly HopKeyPair[] } | undefined;

  /** What happens on disk happens in order: a place is erased before it is written again. */
  const later = (act: () => Promise<void>, failed: () => void): void => {
    onDisk = onDisk.then(act).catch(failed);
  };
  const erase = (number: number): void => {
    keys.get(number)?.secret.fill(0);
    keys.delete(number);
    later(
      () => store.erase(placeOf(number)),
      () => log.error("hop-key.not-erased"),
    );
  };
  const make = (number: number): void => {
    const made = newKey(options);
    unsaved.set(number, made);
    later(
      async () => {
        await save(options, number, made);
        keys.set(number, made);
        current = undefined;
      },
      () => log.error("hop-key.not-saved"),
    );
    onDisk = onDisk.then(() => void unsaved.delete(number));
  };
  const turn = () => {
    const period = periodAt(network, clock.unixNow());
    if (current?.period === period) return current;
    const wanted = numbersWanted(period);
    for (const number of keys.keys()) if (!wanted.includes(number)) erase(number);
    for (const number of numbersNamed(period)) if (!keys.has(number) && !unsaved.has(number)) make(number);
    const inForce = wanted.flatMap((number) => keys.get(number) ?? []);
    const isWhole = numbersNamed(period).every((number) => keys.has(number));
    const now = { period, inForce };
    current = isWhole ? now : undefined;
    return now;
  };

  for (const number of numbersNamed(periodAt(network, clock.unixNow()))) {
    if (keys.has(number)) continue;
    const made = newKey(options);
    await save(options, number, made);
    keys.set(number, made);
  }
  return {
    inForce: () => turn().inForce,
    of(period) {
      turn();
      return keys.get(hopKeyNumber(period));
    },
  };
}

/** The keys of `options.store` that are in force; the places of others are empty afterwards. */
async function loadKeys(options: HopKeyringOptions): Promise<Map<number, HopKeyPair>> {
  const { crypto, network, clock, store } = options;
  const wanted = numbersWanted(periodAt(network, clock.unixNow()));
  const keys = new Map<number, HopKeyPair>();
  for (const place of [0, 1] as const) {
    const bytes = await store.load(place);
    if (bytes === undefined) continue;
    const read = readKey(options, bytes);
    bytes.fill(0);
    if (read !== undefined && placeOf(read.number) === place && wanted.includes(read.number)) {
      keys.set(read.number, prepared(crypto, read.secret));
      continue;
    }
    read?.secret.fill(0);
    await store.erase(place);
  }
  return keys;
}

function readKey({ crypto, log }: HopKeyringOptions, bytes: Uint8Array): HopKeyFile | undefined {
  try {
    return decodeHopKeyFile(crypto, bytes);
  } catch (error) {
    if (!isUmbelError(error, "BAD_CONFIG")) throw error;
    log.warn("hop-key.damaged");
    return undefined;
  }
}

/** The present one first, then that of the period before, then that of the next. */
function numbersWanted(period: number): readonly number[] {
  return [...new Set([period, period - 1, period + 1].map(hopKeyNumber))];
}

/** What the descriptors of this period and of the next name. */
function numbersNamed(period: number): readonly number[] {
  return [...new Set([period, period + 1].map(hopKeyNumber))];
}

function placeOf(number: number): 0 | 1 {
  return number % 2 === 0 ? 0 : 1;
}

function newKey({ crypto, random }: HopKeyringOptions): HopKeyPair {
  return prepared(crypto, random.bytes(32));
}

function prepared(crypto: CryptoProvider, secret: Uint8Array): HopKeyPair {
  return { ...staticKeyPair(crypto, secret), prepared: crypto.x25519.prepare(secret) };
}

async function save({ crypto, store }: HopKeyringOptions, number: number, key: HopKeyPair): Promise<void> {
  const bytes = encodeHopKeyFile(crypto, { number, secret: key.secret });
  await store.save(placeOf(number), bytes);
  bytes.fill(0);
}

/** Hop keys that last as long as the process: for tests and simulations. */
export function createMemoryHopKeys(): HopKeyStore {
  const places = new Map<number, Uint8Array>();
  return {
    load: async (place) => places.get(place)?.slice(),
    save: async (place, bytes) => void places.set(place, bytes.slice()),
    async erase(place) {
      places.get(place)?.fill(0);
      places.delete(place);
    },
  };
}
