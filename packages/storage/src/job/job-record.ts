import { type Millis, UmbelError } from "@umbel/core";
import { SIZE_CLASSES, type SizeClass } from "../format/size-class.ts";
import { decodeJson, encodeJson } from "./ascii-json.ts";
import type { SampledBlock } from "./receipt.ts";

/** What a job publishes, so that it can be opened again, and so that a change of it is noticed. */
export interface SourceDescription {
  readonly kind: "file" | "folder" | "stdin";
  /** Where it stands; "-" for standard input. */
  readonly path: string;
  /** What readers see; absent for none. */
  readonly name?: string | undefined;
  readonly files: number;
  /** Bytes of all files; absent while standard input has not ended. */
  readonly bytes?: number | undefined;
  /** Base32 of a hash over paths, sizes and times of change: another one means another input. Empty for standard input. */
  readonly fingerprint: string;
  readonly hidden: boolean;
  readonly keepTimes: boolean;
  readonly keepTypes: boolean;
  readonly pad: SizeClass;
}

/** How a job publishes. */
export interface JobOptions {
  /** Whether a sample is fetched back before the reference is told. */
  readonly receipt: boolean;
  /** The end of the span over which the puts are spread, in milliseconds since 1970. */
  readonly spreadUntil?: Millis | undefined;
  /** Before this time, in milliseconds since 1970, the root stays here. */
  readonly revealAt?: Millis | undefined;
  /** What the root must be: of a plan, whose reference may be out already. */
  readonly rootId?: string | undefined;
}

/** Where a job is: `sending` makes and puts blocks, `holding` keeps the root back, `checking` waits for its receipt. */
export type JobPhase = "sending" | "holding" | "checking";

/** What is known once all blocks but the root are out. */
export interface JobContent {
  readonly kind: "file" | "folder";
  readonly rootId: string;
  /** Number of the root's first put. */
  readonly rootNumber: number;
  /** Base32 of the root's read key. */
  readonly readKey: string;
  readonly bytes: number;
  readonly files: number;
  readonly blocks: number;
  readonly sample: readonly SampledBlock[];
}

/** All that a job must remember. It is secret: whoever has it can read what is published. */
export interface JobRecord {
  readonly id: string;
  /** When it began, in milliseconds since 1970. */
  readonly created: Millis;
  readonly network: string;
  /** Base32 of the 32 bytes that spool and journal depend on, and the read keys where there is no `userSecret`. */
  readonly secret: string;
  /** Base32 of the user's own secret, where keys come from content. */
  readonly userSecret?: string | undefined;
  readonly source: SourceDescription;
  readonly options: JobOptions;
  readonly phase: JobPhase;
  /** Puts of the whole job, where they were counted. */
  readonly puts?: number | undefined;
  /** From phase `holding` on. */
  readonly content?: JobContent | undefined;
  /** Node ids of the endpoints that puts went over: a receipt avoids them. */
  readonly endpoints: readonly string[];
}

const VERSION = 1;

/** A record as the bytes of its file: JSON in ASCII, with a version. */
export function encodeJobRecord(record: JobRecord): Uint8Array {
  return encodeJson({ version: VERSION, ...record });
}

/** Reads a record. Throws BAD_CONFIG, with what is wrong. */
export function decodeJobRecord(bytes: Uint8Array): JobRecord {
  const value = decodeJson(bytes);
  if (typeof value !== "object" || value === null) throw unusable("it is not a job");
  const { version, ...record } = value as { version?: unknown } & JobRecord;
  if (typeof version === "number" && version > VERSION) throw unusable("it was written by a newer umbel");
  if (version !== VERSION) throw unusable("it is not a job");
  const wrong = CHECKS.find(([, isRight]) => !isRight(record));
  if (wrong !== undefined) throw unusable(`"${wrong[0]}" is not what it must be`);
  return record;
}

const isText = (value: unknown): value is string => typeof value === "string";
const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
/** An id, key or secret: 32 bytes in base32. */
const isId = (value: unknown): boolean => isText(value) && /^[a-z2-7]{52}$/.test(value);
const isOptional = (value: unknown, isRight: (value: unknown) => boolean): boolean =>
  value === undefined || isRight(value);

/** Fields and what they must be. Files are changed by hand now and then: a slip must not become a wrong publish. */
const CHECKS: readonly (readonly [string, (record: JobRecord) => boolean])[] = [
  ["id", ({ id }) => isJobId(id)],
  ["created", ({ created }) => isCount(created)],
  ["network", ({ network }) => isText(network)],
  ["secret", ({ secret }) => isId(secret)],
  ["userSecret", ({ userSecret }) => isOptional(userSecret, isId)],
  ["source", ({ source }) => isSource(source)],
  ["options", ({ options }) => isOptions(options)],
  ["phase", ({ phase }) => ["sending", "holding", "checking"].includes(phase)],
  ["puts", ({ puts }) => isOptional(puts, isCount)],
  ["content", ({ content, phase }) => (content === undefined ? phase === "sending" : isContent(content))],
  ["endpoints", ({ endpoints }) => Array.isArray(endpoints) && endpoints.every(isId)],
];

/** True for the name of a job: 8 characters of base32. */
export function isJobId(id: unknown): id is string {
  return isText(id) && /^[a-z2-7]{8}$/.test(id);
}

function isSource(source: SourceDescription): boolean {
  return (
    isObject(source) &&
    ["file", "folder", "stdin"].includes(source.kind) &&
    isText(source.path) &&
    isOptional(source.name, isText) &&
    isCount(source.files) &&
    isOptional(source.bytes, isCount) &&
    isText(source.fingerprint) &&
    SIZE_CLASSES.includes(source.pad) &&
    [source.hidden, source.keepTimes, source.keepTypes].every((flag) => typeof flag === "boolean")
  );
}

function isOptions(options: JobOptions): boolean {
  return (
    isObject(options) &&
    typeof options.receipt === "boolean" &&
    isOptional(options.spreadUntil, isCount) &&
    isOptional(options.revealAt, isCount) &&
    isOptional(options.rootId, isId)
  );
}

function isContent(content: JobContent): boolean {
  return (
    isObject(content) &&
    ["file", "folder"].includes(content.kind) &&
    isId(content.rootId) &&
    isId(content.readKey) &&
    [content.rootNumber, content.bytes, content.files, content.blocks].every(isCount) &&
    Array.isArray(content.sample) &&
    content.sample.every(isSampled)
  );
}

function isSampled(block: SampledBlock): boolean {
  if (!isObject(block)) return false;
  const { id, number, copy, lane } = block;
  return isId(id) && isCount(number) && [0, 1, 2].includes(copy) && ["roots", "data"].includes(lane);
}

function unusable(why: string): UmbelError {
  return new UmbelError("BAD_CONFIG", `a job file cannot be used: ${why}`);
}
