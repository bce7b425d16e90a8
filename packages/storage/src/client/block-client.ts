import {
  type AbortLike,
  type Clock,
  type CryptoProvider,
  isUmbelError,
  type Millis,
  type NodeId,
  type RandomSource,
  SERVICE,
  type Timers,
  UmbelError,
} from "@umbel/core";
import type { CircuitBuilder } from "@umbel/router";
import type {
  BlockGet,
  BlockLane,
  BlockNetwork,
  BlockPut,
  SlotGet,
  SlotPut,
} from "../block/block-network.ts";
import {
  CLIENT_CALLS_PER_CIRCUIT,
  CLIENT_DATA_CIRCUITS,
  CLIENT_GET_TIMEOUT_MS,
  CLIENT_NARROW_LINE_MS,
  CLIENT_OPINIONS,
  CLIENT_PUT_TIMEOUT_MS,
  CLIENT_ROOT_CIRCUITS,
  CLIENT_TRIES,
  HOLDER_COUNT,
} from "../limits.ts";
import { createCancellation } from "../service/cancellation.ts";
import {
  decodeGetReply,
  decodePutReply,
  encodeBlockMessage,
  GET_REPLY_BYTES,
  type GetMessage,
  type GetSlotMessage,
  PUT_REPLY_BYTES,
  type PutMessage,
  type PutSlotMessage,
} from "../service/messages.ts";
import { type StaggeredTry, staggered } from "../service/staggered.ts";
import { isBlockOf } from "../service/verified.ts";
import { decodeSlot } from "../slot/slot.ts";
import { createEndpointChoice } from "./endpoint-choice.ts";
import { createLane, type Lane, type Verdict } from "./lane.ts";
import { createPace, type Pace } from "./pace.ts";

/** A circuit in use, for display to the person whose operation it is; never for a log. */
export interface CircuitInUse {
  readonly lane: BlockLane;
  /** Node ids from guard to endpoint. */
  readonly path: readonly NodeId[];
}

export interface BlockNetworkOptions {
  readonly builder: CircuitBuilder;
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly timers: Timers;
  readonly clock: Clock;
  /** The most circuits of each lane: CLIENT_DATA_CIRCUITS and CLIENT_ROOT_CIRCUITS when absent. */
  readonly circuitsPerLane?: Readonly<Record<BlockLane, number>> | undefined;
  /** Hops of each circuit; the builder's default when absent. */
  readonly hops?: number | undefined;
  /** True for circuits over second guards. */
  readonly secondGuard?: boolean | undefined;
  /** Confirmations after which a PUT is done: HOLDER_COUNT when absent. */
  readonly wantedCopies?: number | undefined;
  /** What the line to the guard carries each way, where that is known; no more is asked for than arrives in time. */
  readonly bytesPerSecond?: number | undefined;
  /** Endpoints answer from holders, not from caches: for the check of a publish. */
  readonly bypassCaches?: boolean | undefined;
  /** True for a publish: all data circuits stand before the first block leaves, and each carries its share. */
  readonly spread?: boolean | undefined;
  /** Endpoints that circuits end at only where there are no others. */
  readonly avoidEndpoints?: ReadonlySet<NodeId> | undefined;
  /** Hears all circuits in use whenever they change. */
  readonly onCircuits?: ((circuits: readonly CircuitInUse[]) => void) | undefined;
}

/**
 * Blocks over circuits of their own for one operation (docs/spec/09-storage-network.md, part "Client"). Circuits are
 * built when there is work for them; a failed one is replaced and its requests go on over others.
 */
export function createBlockNetwork(options: BlockNetworkOptions): BlockNetwork {
  const all = createCancellation();
  const lanes = createLanes(options, all.signal);
  const contextsOf = (pace: Pace): Readonly<Record<BlockLane, Context>> => ({
    roots: { ...options, lane: lanes.roots, pace },
    data: { ...options, lane: lanes.data, pace },
  });
  const gets = contextsOf(createPace());
  const puts = contextsOf(createPace());
  return {
    get: (request, given) => getBlock(gets[request.lane], request, given?.signal),
    put: (request, given) => putBlock(puts[request.lane], request, given?.signal),
    getSlot: (request, given) => getSlot(gets.roots, request, given?.signal),
    putSlot: (request, given) => putSlot(puts.roots, request, given?.signal),
    // Requests in flight end with their circuits: no other circuit is to be had then.
    close() {
      all.cancel();
      for (const lane of Object.values(lanes)) lane.close();
    },
  };
}

interface Context extends BlockNetworkOptions {
  readonly lane: Lane;
  readonly pace: Pace;
}

type Signal = AbortLike | undefined;

function getBlock(context: Context, { id, copy }: BlockGet, signal: Signal): Promise<Uint8Array | undefined> {
  const bypassCaches = context.bypassCaches ?? false;
  return ask(context, { op: "get", id, copy, bypassCaches }, signal, (block) => {
    if (!isBlockOf(context.crypto, id, block)) throw new UmbelError("CRYPTO_FAILED", ANOTHER);
  });
}

function getSlot(
  context: Context,
  { id, copy, sequence = 0, rank = 0 }: SlotGet,
  signal: Signal,
): Promise<Uint8Array | undefined> {
  return ask(context, { op: "getSlot", id, copy, sequence, rank }, signal, (slot) => {
    const found = decodeSlot(context.crypto, id, slot);
    const isAsked = sequence === 0 || (found.kind === "edition" && found.sequence === sequence);
    if (!isAsked) throw new UmbelError("CRYPTO_FAILED", ANOTHER);
  });
}

function putBlock(context: Context, { id, copy, block }: BlockPut, signal: Signal): Promise<number> {
  return give(context, { op: "put", id, copy, block }, signal);
}

function putSlot(context: Context, { id, copy, slot }: SlotPut, signal: Signal): Promise<number> {
  return give(context, { op: "putSlot", id, copy, slot }, signal);
}

const ANOTHER = "an endpoint sent another block";

/** Asks endpoint after endpoint until one delivers; "not found" counts once several have said so. `mustBe` throws on another block. */
async function ask(
  context: Context,
  message: GetMessage | GetSlotMessage,
  signal: Signal,
  mustBe: (block: Uint8Array) => void,
): Promise<Uint8Array | undefined> {
  let notFound = 0;
  const outcome = await overCircuits<{ readonly block: Uint8Array | undefined }>(context, {
    payload: encodeBlockMessage(message),
    maxResponseBytes: GET_REPLY_BYTES,
    timeout: CLIENT_GET_TIMEOUT_MS,
    signal,
    read(reply) {
      const block = decodeGetReply(reply);
      if (block === undefined) return ++notFound >= CLIENT_OPINIONS ? { block } : undefined;
      mustBe(block);
      return { block };
    },
  });
  return outcome?.block;
}

/** Gives the block to endpoint after endpoint until one reports enough copies, or several reported; the best counts. */
async function give(context: Context, message: PutMessage | PutSlotMessage, signal: Signal): Promise<number> {
  const wanted = context.wantedCopies ?? HOLDER_COUNT;
  let best = 0;
  let reports = 0;
  await overCircuits(context, {
    payload: encodeBlockMessage(message),
    maxResponseBytes: PUT_REPLY_BYTES,
    timeout: CLIENT_PUT_TIMEOUT_MS,
    signal,
    read(reply) {
      best = Math.max(best, decodePutReply(reply));
      return best >= wanted || ++reports >= CLIENT_OPINIONS ? { done: true } : undefined;
    },
  });
  return best;
}

interface CircuitCall<Result> {
  readonly payload: Uint8Array;
  readonly maxResponseBytes: number;
  readonly timeout: Millis;
  readonly signal: Signal;
  /** The outcome, or undefined when another endpoint is to be asked. Throws when the endpoint lies or talks nonsense. */
  readonly read: (reply: Uint8Array) => Result | undefined;
}

/** One request over circuit after circuit, a second one beside a slow one. */
function overCircuits<Result>(context: Context, call: CircuitCall<Result>): Promise<Result | undefined> {
  const tried: NodeId[] = [];
  return staggered({
    tries: CLIENT_TRIES,
    atOnce: 2,
    delay: context.pace.overtakeAfter(),
    timers: context.timers,
    signal: call.signal,
    attempt: (one) => tryCircuit(context, call, one, tried),
  });
}

async function tryCircuit<Result>(
  { lane, pace, clock }: Context,
  { payload, maxResponseBytes, timeout, read }: CircuitCall<Result>,
  one: StaggeredTry,
  tried: NodeId[],
): Promise<Result | undefined> {
  const seat = await lane.acquire(tried, one.signal);
  tried.push(seat.endpoint);
  one.onOvertaken(seat.slow);
  one.begin();
  const start = clock.now();
  let verdict: Verdict = "broken";
  try {
    const reply = await seat.circuit.call(SERVICE.BLOCKS, payload, {
      maxResponseBytes,
      timeout,
      signal: one.signal,
    });
    const outcome = read(reply);
    verdict = "answered";
    pace.answered(clock.now() - start);
    return outcome;
  } catch (error) {
    // Nothing was found out: it must not count as the last of the tries that failed.
    if (lane.isClosed) throw new UmbelError("ABORTED", "given up");
    if (one.signal.aborted) verdict = "unknown";
    else if (isUmbelError(error, "STREAM_CLOSED")) verdict = "fault";
    return undefined;
  } finally {
    seat.leave(verdict);
  }
}

function createLanes(options: BlockNetworkOptions, signal: AbortLike): Record<BlockLane, Lane> {
  const sizes = options.circuitsPerLane ?? { data: CLIENT_DATA_CIRCUITS, roots: CLIENT_ROOT_CIRCUITS };
  const operation = Symbol("operation");
  const inUse = (): readonly CircuitInUse[] =>
    (["roots", "data"] as const).flatMap((lane) =>
      lanes[lane].circuits().map(({ path }) => ({ lane, path })),
    );
  const endpoints = createEndpointChoice(() => [
    ...inUse().flatMap(({ path }) => path.slice(-1)),
    ...(options.avoidEndpoints ?? []),
  ]);
  const createOne = (carries: BlockLane) =>
    createLane({
      builder: options.builder,
      random: options.random,
      timers: options.timers,
      clock: options.clock,
      purpose: { operation, carries },
      hops: options.hops,
      secondGuard: options.secondGuard,
      maxCircuits: sizes[carries],
      spread: carries === "data" && options.spread,
      callsPerCircuit: callsPerCircuit(options.bytesPerSecond, sizes[carries]),
      avoidEndpoints: endpoints.toAvoid,
      failed: endpoints.failed,
      changed: () => options.onCircuits?.(inUse()),
      signal,
    });
  const lanes: Record<BlockLane, Lane> = { roots: createOne("roots"), data: createOne("data") };
  return lanes;
}

/** On a line of known width: as many as it carries in CLIENT_NARROW_LINE_MS, or they would wait for one another until they time out. */
function callsPerCircuit(bytesPerSecond: number | undefined, circuits: number): number {
  if (bytesPerSecond === undefined) return CLIENT_CALLS_PER_CIRCUIT;
  const calls = (bytesPerSecond * CLIENT_NARROW_LINE_MS) / 1000 / GET_REPLY_BYTES;
  return Math.min(CLIENT_CALLS_PER_CIRCUIT, Math.max(1, Math.floor(calls / circuits)));
}
