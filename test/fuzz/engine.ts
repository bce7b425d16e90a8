import { getHeapStatistics } from "node:v8";
import { type Choices, createChoices, mutate } from "./mutate.ts";
import type { FuzzTarget } from "./target.ts";

/** What one input may take: milliseconds, and bytes that the process holds more than before. */
export interface RunLimits {
  readonly ms: number;
  readonly bytes: number;
}

const RUN_LIMITS: RunLimits = { ms: 2000, bytes: 128 * 1024 * 1024 };

/** An input that broke its target's rule. */
export interface Finding {
  readonly bytes: Uint8Array;
  readonly error: unknown;
}

/** Tries one input: undefined when the rule holds. Too slow, and too much memory, break it as well. */
export async function tryInput(
  target: FuzzTarget,
  bytes: Uint8Array,
  limits: RunLimits = RUN_LIMITS,
): Promise<Finding | undefined> {
  const before = bytesHeld();
  const started = performance.now();
  try {
    const waiting = target.run(bytes.slice());
    if (waiting !== undefined) await waiting;
  } catch (error) {
    return { bytes, error };
  }
  const took = performance.now() - started;
  if (took > limits.ms) return { bytes, error: new Error(`one input took ${Math.round(took)} ms`) };
  const grown = bytesHeld() - before;
  if (grown > limits.bytes) return { bytes, error: new Error(`one input took ${grown} bytes of memory`) };
  return undefined;
}

function bytesHeld(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

/** Which branches inputs reach. */
export interface Guidance {
  /** Forgets what ran before. */
  begin(): void;
  /** True when what ran since `begin` reached a branch that nothing reached before, or one much more often. */
  isNew(): boolean;
  /** Branches reached so far, each count class of it by itself. */
  readonly reached: number;
}

/** Guidance by the counters of instrument.mjs; undefined when the sources run without them. */
export function createGuidance(): Guidance | undefined {
  const counters = (globalThis as { umbelCoverage?: Uint8Array }).umbelCoverage;
  if (counters === undefined) return undefined;
  const words = new Uint32Array(counters.buffer);
  const seen = new Uint8Array(counters.length);
  let reached = 0;
  return {
    begin: () => void counters.fill(0),
    isNew() {
      let found = false;
      for (let word = 0; word < words.length; word++) {
        if (words[word] === 0) continue;
        for (let at = 4 * word; at < 4 * word + 4; at++) {
          const bit = countClass(counters[at]!);
          if ((seen[at]! & bit) === bit) continue;
          seen[at]! |= bit;
          reached += 1;
          found = true;
        }
      }
      return found;
    },
    get reached() {
      return reached;
    },
  };
}

/** 0; then a bit each for 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, 32 to 127 and 128 to 255 times. */
function countClass(count: number): number {
  if (count < 4) return count === 0 ? 0 : 1 << (count - 1);
  if (count < 32) return count < 8 ? 8 : count < 16 ? 16 : 32;
  return count < 128 ? 64 : 128;
}

/** What a run of the fuzzer did. */
export interface FuzzReport {
  readonly executions: number;
  /** Milliseconds. */
  readonly took: number;
  /** Inputs that reached something new, in order. */
  readonly kept: readonly Uint8Array[];
  readonly reached: number;
  /** At most one for each place that failed. */
  readonly findings: readonly Finding[];
}

/** When to stop, and where the choices start. */
export interface FuzzOptions {
  readonly seed: number;
  readonly start: readonly Uint8Array[];
  readonly maxExecutions?: number;
  readonly maxMs?: number;
  /** Told each input before it runs. */
  readonly onInput?: (bytes: Uint8Array) => void;
}

/** Inputs worth changing that a run holds. */
const MAX_KEPT = 4000;

/** Tries the start inputs, then changed ones; with guidance, inputs that reach something new are changed further. */
export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzReport> {
  const { seed, start, maxExecutions = Infinity, maxMs = Infinity } = options;
  const choices = createChoices(seed);
  const guidance = createGuidance();
  const pool: Uint8Array[] = [];
  const findings = new Map<string, Finding>();
  const began = performance.now();
  let executions = 0;
  const run = async (bytes: Uint8Array, isStart: boolean): Promise<void> => {
    options.onInput?.(bytes);
    guidance?.begin();
    executions += 1;
    const finding = await tryInput(target, bytes);
    if (finding !== undefined) {
      const place = placeOf(finding.error);
      if (!findings.has(place)) findings.set(place, finding);
      return;
    }
    const isNew = guidance?.isNew() ?? isStart;
    if (isNew && pool.length < MAX_KEPT) pool.push(bytes);
  };
  for (const bytes of start) await run(bytes, true);
  if (pool.length === 0) pool.push(new Uint8Array(0));
  while (executions < maxExecutions && performance.now() - began < maxMs) {
    await run(mutate(target, choices, picked(choices, pool), start), false);
  }
  const took = performance.now() - began;
  return { executions, took, kept: pool, reached: guidance?.reached ?? 0, findings: [...findings.values()] };
}

/** Half of the time one of the newest: what was found last has been changed least. */
function picked(choices: Choices, pool: readonly Uint8Array[]): Uint8Array {
  const from = choices.below(2) === 0 ? Math.max(0, pool.length - 16) : 0;
  return pool[from + choices.below(pool.length - from)]!;
}

/** Where an error comes from: its message without numbers, and the line that threw it. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const line = error.stack?.split("\n").find((each) => /^\s+at .*\.ts:/.test(each)) ?? "";
  return `${error.name} ${error.message.replace(/\d+/g, "#").slice(0, 80)} ${line.trim()}`;
}

/** Inputs of one target's corpus: all of them run in every test run. */
const MAX_FEW = 40;

/**
 * Few of `inputs` that reach nearly all they reach, at most `maxBytes` in all by `sizeOf`. Long ones come first: one of them
 * does the work of many short ones.
 */
export async function fewThatReachAll(
  target: FuzzTarget,
  inputs: readonly Uint8Array[],
  maxBytes: number,
  sizeOf: (bytes: Uint8Array) => number,
): Promise<Uint8Array[]> {
  const guidance = createGuidance();
  const kept: Uint8Array[] = [];
  let bytes = 0;
  for (const input of [...inputs].sort((a, b) => b.length - a.length)) {
    const size = sizeOf(input);
    if (kept.length === MAX_FEW || size > maxBytes / 4 || bytes + size > maxBytes) continue;
    guidance?.begin();
    if ((await tryInput(target, input)) !== undefined) continue;
    if (guidance !== undefined && !guidance.isNew()) continue;
    kept.push(input);
    bytes += size;
  }
  return kept;
}
