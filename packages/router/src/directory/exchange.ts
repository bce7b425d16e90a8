import { type Clock, compareBytes, type Descriptor, equalBytes, toHex, UmbelError } from "@umbel/core";
import {
  MAX_DIRECTORY_REQUEST_BYTES,
  MAX_PUSH_DESCRIPTORS,
  MAX_RANGE_HASHES,
  MAX_SYNC_DESCRIPTOR_BYTES,
  MAX_SYNC_HASHES,
  MAX_SYNC_PENDING_RANGES,
  MAX_SYNC_RANGES,
  MAX_SYNC_ROUNDS,
} from "../limits.ts";
import type { Service } from "../node/overlay.ts";
import { ALL_IDS, type DescriptorSet, type IdRange, partsOf, type RangeSummary } from "./digest.ts";
import type { Directory } from "./directory.ts";
import {
  decodeDirectoryRequest,
  decodeSyncResponse,
  encodeDirectoryRequest,
  encodePushResponse,
  encodeSyncResponse,
  type SyncAnswer,
  type SyncRange,
} from "./exchange-messages.ts";

/** Answers SERVICE.DIRECTORY: SYNC and PUSH (docs/spec/06-directory.md, Exchange). A bad request throws BAD_ENCODING. */
export function createDirectoryService(directory: Directory, clock: Clock): Service {
  return {
    maxRequestBytes: MAX_DIRECTORY_REQUEST_BYTES,
    handle({ payload }) {
      const request = decodeDirectoryRequest(payload);
      if (request.kind === "sync") {
        directory.prune(clock.unixNow());
        return answerSync(directory, request.ranges);
      }
      for (const descriptor of request.descriptors) directory.admit(descriptor, clock.unixNow(), "pushed");
      return encodePushResponse();
    },
  };
}

/** One reconciliation with one peer. */
export interface ReconcileOptions {
  readonly directory: Directory;
  readonly clock: Clock;
  /** Sends one request to the peer and returns its response. */
  readonly call: (request: Uint8Array) => Promise<Uint8Array>;
  /** True to send the peer what it lacks: nodes do, clients never. */
  readonly push: boolean;
}

export interface Reconciled {
  /** True when nothing differed at the start. */
  readonly agreed: boolean;
  /** Descriptors that are new here. */
  readonly added: number;
  /** Descriptors sent to the peer. */
  readonly pushed: number;
}

/**
 * Compares the own directory with a peer's, of both periods, takes what is new and, with `push`, sends what the peer
 * lacks. An empty one is filled in one round trip while the descriptors fit a response. Throws what `call` throws,
 * BAD_ENCODING on a bad response, PROTOCOL_VIOLATION when the peer makes no progress.
 */
export async function reconcile(options: ReconcileOptions): Promise<Reconciled> {
  const { directory, clock, call } = options;
  directory.prune(clock.unixNow());
  const run: Run = { options, pending: [], lacking: new Map(), agreed: true, added: 0 };
  for (const period of [directory.period, directory.period + 1]) ask(run, period, ALL_IDS);
  for (let round = 0; run.pending.length > 0; round++) {
    if (round === MAX_SYNC_ROUNDS)
      throw new UmbelError("PROTOCOL_VIOLATION", "the peer's directory has no end");
    const asked = takeThatFit(run.pending);
    const response = await call(encodeDirectoryRequest({ kind: "sync", ranges: asked }));
    const answers = decodeSyncResponse(response, asked);
    if (answers.every((answer) => answer.kind === "later")) {
      throw new UmbelError("PROTOCOL_VIOLATION", "the peer answers nothing");
    }
    for (const [at, answer] of answers.entries()) takeAnswer(run, asked[at]!, answer);
  }
  const missing = options.push ? [...run.lacking.values()] : [];
  for (const request of pushRequests(missing)) await call(request);
  return { agreed: run.agreed, added: run.added, pushed: missing.length };
}

/** PUSH requests for any number of descriptors. */
export function pushRequests(descriptors: readonly Descriptor[]): Uint8Array[] {
  const requests: Uint8Array[] = [];
  for (let at = 0; at < descriptors.length; at += MAX_PUSH_DESCRIPTORS) {
    const part = descriptors.slice(at, at + MAX_PUSH_DESCRIPTORS).map((each) => each.bytes);
    requests.push(encodeDirectoryRequest({ kind: "push", descriptors: part }));
  }
  return requests;
}

/** A reconciliation in progress. */
interface Run {
  readonly options: ReconcileOptions;
  /** Ranges to ask about. */
  readonly pending: SyncRange[];
  /** What the peer lacks, by node id and period. */
  readonly lacking: Map<string, Descriptor>;
  agreed: boolean;
  added: number;
}

function takeAnswer(run: Run, asked: SyncRange, answer: SyncAnswer): void {
  const { directory } = run.options;
  const set = directory.set(asked.period);
  if (set === undefined) return;
  switch (answer.kind) {
    case "same":
    case "unheld":
      return;
    case "later":
      ask(run, asked.period, asked.range);
      return;
    case "split":
      run.agreed = false;
      takeParts(run, set, asked, answer.parts);
      return;
    case "items":
      if (answer.wanted.length + answer.descriptors.length > 0) run.agreed = false;
      takeItems(run, set, asked, answer);
  }
}

function takeParts(run: Run, set: DescriptorSet, asked: SyncRange, theirs: readonly RangeSummary[]): void {
  for (const [at, part] of partsOf(asked.range).entries()) {
    const { count, digest } = theirs[at]!;
    const own = set.summary(part);
    if (own.count === count && equalBytes(own.digest, digest)) continue;
    if (count > 0) ask(run, asked.period, part);
    else for (const descriptor of set.inRange(part)) noteLacking(run, descriptor);
  }
}

function takeItems(
  run: Run,
  set: DescriptorSet,
  asked: SyncRange,
  answer: Extract<SyncAnswer, { kind: "items" }>,
): void {
  const { directory, clock } = run.options;
  for (const bytes of answer.descriptors) {
    if (directory.admit(bytes, clock.unixNow(), "pulled") === "added") run.added++;
  }
  if (answer.wanted.length === 0 || asked.form !== "hashes") return;
  const wanted = new Set(answer.wanted.map((index) => toHex(asked.hashes[index]!)));
  for (const descriptor of set.inRange(asked.range)) {
    if (wanted.has(toHex(descriptor.hash))) noteLacking(run, descriptor);
  }
}

function noteLacking(run: Run, descriptor: Descriptor): void {
  run.lacking.set(`${descriptor.nodeId} ${descriptor.period}`, descriptor);
}

/** Queues the question for a range, by hashes where they fit. */
function ask(run: Run, period: number, range: IdRange): void {
  const set = run.options.directory.set(period);
  if (set === undefined || run.pending.length >= MAX_SYNC_PENDING_RANGES) return;
  const summary = set.summary(range);
  if (summary.count > MAX_RANGE_HASHES) {
    run.pending.push({ period, range, form: "summary", summary });
    return;
  }
  const hashes = set.inRange(range).map((descriptor) => descriptor.hash);
  run.pending.push({ period, range, form: "hashes", hashes: hashes.sort(compareBytes) });
}

/** Removes and returns as many ranges as one request may carry. */
function takeThatFit(pending: SyncRange[]): SyncRange[] {
  let hashes = 0;
  const end = pending.findIndex((each, at) => {
    if (each.form === "hashes") hashes += each.hashes.length;
    return at === MAX_SYNC_RANGES || hashes > MAX_SYNC_HASHES;
  });
  return pending.splice(0, end < 0 ? pending.length : end);
}

function answerSync(directory: Directory, ranges: readonly SyncRange[]): Uint8Array {
  const budget = { bytes: MAX_SYNC_DESCRIPTOR_BYTES };
  return encodeSyncResponse(ranges.map((range) => answerRange(directory.set(range.period), range, budget)));
}

function answerRange(
  set: DescriptorSet | undefined,
  asked: SyncRange,
  budget: { bytes: number },
): SyncAnswer {
  if (set === undefined) return { kind: "unheld" };
  const { range } = asked;
  const split = (): SyncAnswer => ({ kind: "split", parts: partsOf(range).map(set.summary) });
  if (asked.form === "summary") {
    const own = set.summary(range);
    const isSame = own.count === asked.summary.count && equalBytes(own.digest, asked.summary.digest);
    return isSame ? { kind: "same" } : split();
  }
  const known = new Set(asked.hashes.map(toHex));
  const missing = set.inRange(range).filter((each) => !known.has(toHex(each.hash)));
  if (missing.length > MAX_RANGE_HASHES) return split();
  const bytes = missing.reduce((sum, each) => sum + 2 + each.bytes.length, 0);
  if (bytes > budget.bytes) return { kind: "later" };
  budget.bytes -= bytes;
  const wanted = [...asked.hashes.keys()].filter((index) => !set.hasHash(asked.hashes[index]!));
  if (missing.length === 0 && wanted.length === 0) return { kind: "same" };
  return { kind: "items", wanted, descriptors: missing.map((each) => each.bytes) };
}
