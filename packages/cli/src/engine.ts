import type { Readable, Writable } from "node:stream";
import type { Logger } from "@umbel/core";
import type { ConstantRate } from "@umbel/router";
import type { BlockPurpose, JobPhase, JobStep, SizeClass } from "@umbel/storage";
import type { ByteRange } from "./byte-range.ts";

/** What a node does for others. */
export type NodeRole = "relay" | "store";

export interface NodeOptions {
  /** `ws://host:port` to listen on. */
  readonly listen: string;
  /** The address others dial; `listen` when absent. */
  readonly announce?: string | undefined;
  /** `ws://host:port#<node id>`; none for the first node of a network. */
  readonly bootstrap: readonly string[];
  readonly dataDir: string;
  readonly roles: readonly NodeRole[];
  readonly network: string;
  /** How much this node can carry, as a coarse class. */
  readonly capacity?: number | undefined;
  /** A phrase that all nodes of one operator share: no path uses two of them. */
  readonly family?: string | undefined;
  /** Clients that are granted a constant rate at once; the most that there may be when absent. */
  readonly constantRateLinks?: number | undefined;
  /** Bytes that all queues may hold together; the router's default when absent. */
  readonly queueBytes?: number | undefined;
  /** Disk that blocks may take; 10 GiB when absent. */
  readonly storeBytes?: number | undefined;
  /** Of that, what cached copies of popular blocks may take while nothing else needs it; 1 GiB when absent. */
  readonly cacheBytes?: number | undefined;
  readonly log: Logger;
}

export interface RunningNode {
  readonly nodeId: string;
  /** The address it listens on, with the port that the system chose if `listen` said 0. */
  readonly url: string;
  /** Descriptors in the directory now, its own included. */
  readonly directorySize: number;
  onDirectoryChanged(listener: (nodes: number) => void): void;
  /** A line for each guard of the clients of this data folder that loses most circuits. */
  guardWarnings(): Promise<readonly string[]>;
  /** Resolves when the node can serve. */
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

/** How far a transfer is. Totals are undefined until they are known. */
export interface TransferProgress {
  /** Publish: bytes whose blocks were confirmed. Fetch: verified bytes that were written. */
  readonly bytesDone: number;
  readonly bytesTotal: number | undefined;
  readonly blocksDone: number;
  readonly blocksTotal: number | undefined;
  readonly circuits: number;
}

export interface ClientOptions {
  readonly bootstrap: readonly string[];
  readonly dataDir: string;
  readonly network: string;
  readonly signal: AbortSignal;
  /** The constant rate of the link to the guard; undefined for none. */
  readonly constantRate?: ConstantRate | undefined;
  /** Told the node ids, guard first, of every circuit in use, when they change. */
  readonly onCircuits?: ((paths: readonly (readonly string[])[]) => void) | undefined;
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined;
  /** Told what the person must know and do something about, as that a guard loses most circuits. */
  readonly onWarning?: ((text: string) => void) | undefined;
  /** Asks for the passphrase of a locked reference, when one is met. Throws BAD_INPUT, ABORTED. */
  readonly passphrase?: (() => Promise<string>) | undefined;
  /** The number of the edition of a site that is wanted; the newest when absent. */
  readonly edition?: number | undefined;
}

/** What every run of a publish needs, the first and a later one. */
export interface ResumeOptions extends ClientOptions {
  /** Puts the root now, whatever time was set. */
  readonly revealNow?: boolean | undefined;
  /** Told the job that can be resumed as long as there is one, and undefined when there is none any more. */
  readonly onJob?: ((id: string | undefined) => void) | undefined;
  readonly onStep?: ((step: JobStep) => void) | undefined;
  /** Told the result before the job is erased: what the person did not see yet must survive a crash. */
  readonly onDone?: ((published: Published) => Promise<void>) | undefined;
}

/** How a path is read for a publish. */
export interface SourceOptions {
  readonly name?: string | undefined;
  /** Take hidden files of a folder too. */
  readonly hidden: boolean;
  /** Let readers see when files were changed last. */
  readonly keepTimes: boolean;
  /** Let readers see media types. */
  readonly keepTypes: boolean;
  /** How sizes are hidden beyond a block. */
  readonly pad: SizeClass;
  /** Keys from content and a secret of the user's own, in a file or in the data folder. */
  readonly dedupe?: { readonly file: string | undefined } | undefined;
}

export interface PublishOptions extends ResumeOptions, SourceOptions {
  /** Read when the path is "-". */
  readonly stdin: Readable;
  /** Keep a copy of standard input, so that it can be resumed. */
  readonly spool: boolean;
  /** Fetch a sample back before the reference is told. */
  readonly receipt: boolean;
  /** The path of a plan that a dry run saved. */
  readonly plan?: string | undefined;
  /** Milliseconds over which the puts are spread. */
  readonly spreadMs?: number | undefined;
  /** When the root is put, in milliseconds since 1970. */
  readonly revealAt?: number | undefined;
}

export interface Published {
  readonly reference: string;
  readonly bytes: number;
  readonly blocks: number;
  /** Copies that holders confirmed in this run. */
  readonly copies: number;
  /** Until the last block was stored. */
  readonly seconds: number;
  readonly files: number;
  /** Files and folders left out since their names start with a dot. */
  readonly skipped: number;
  /** Blocks that were fetched back; absent when none were asked for. */
  readonly receipt?: ReceiptCounts | undefined;
}

export interface ReceiptCounts {
  readonly confirmed: number;
  readonly asked: number;
}

export interface EstimateOptions extends SourceOptions {
  readonly dataDir: string;
  readonly signal: AbortSignal;
  readonly stdin: Readable;
  readonly receipt: boolean;
  /** Where a plan is written that a later publish uses. */
  readonly savePlan?: string | undefined;
}

/** What a publish would do. */
export interface Estimate {
  readonly files: number;
  readonly bytes: number;
  readonly skipped: number;
  readonly blocks: Readonly<Record<BlockPurpose, number>>;
  readonly puts: number;
  /** Blocks that the receipt would ask for. */
  readonly receiptBlocks: number;
  /** Bytes between this machine and its guard, each way. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Data circuits, each with an endpoint of its own. */
  readonly circuits: number;
  /** Where the publish will have it: with a plan, or with keys from content. */
  readonly reference?: string | undefined;
}

/** A publish that is not done. */
export interface Job {
  readonly id: string;
  readonly state: JobPhase | "damaged";
  readonly isRunning: boolean;
  /** In milliseconds since 1970. */
  readonly created: number;
  readonly kind: "file" | "folder" | "stdin";
  readonly path: string;
  readonly files: number;
  readonly bytes: number | undefined;
  /** Blocks that are stored, a root counted three times. */
  readonly confirmed: number;
  /** All of them, where that is known. */
  readonly puts: number | undefined;
  readonly revealAt: number | undefined;
}

export interface FetchOptions extends ClientOptions {
  /** A path, "-" for `stdout`, or undefined for the published name in `cwd`. */
  readonly output: string | undefined;
  readonly cwd: string;
  readonly force: boolean;
  readonly stdout: Writable;
  /** The part of a file that is wanted; all when absent. */
  readonly range?: ByteRange | undefined;
  /** False: nothing that an earlier run left is used, and nothing is left. */
  readonly resume?: boolean | undefined;
  /** Told where an interrupted fetch left what had arrived, for the next one to go on with. */
  readonly onKept?: ((path: string) => void) | undefined;
}

export interface Fetched {
  readonly bytes: number;
  /** Of them, what an earlier run had left: checked, not fetched. */
  readonly keptBytes: number;
  /** Lower-case hex of the bytes of a file; of a folder, what `wiring/fetch.ts` documents. */
  readonly sha256: string;
  readonly seconds: number;
  readonly output: string;
  readonly files: number;
}

/** A file of a folder, or the file that a reference names. */
export interface ListedFile {
  /** Below the folder that was asked for; of a single file its name. */
  readonly path: string;
  readonly bytes: number;
  /** Seconds since 1970, where the publisher said so. */
  readonly modified?: number | undefined;
  readonly mediaType?: string | undefined;
}

export interface ListOptions extends ClientOptions {
  /** Called for each file, in order of paths. */
  readonly onFile: (file: ListedFile) => void;
}

export interface Listed {
  readonly kind: "file" | "folder";
  readonly files: number;
  readonly bytes: number;
}

/** What the commands need of the network; with `EngineParts` it is whole. `compose.ts` is the real one; tests pass their own. */
export interface Engine {
  startNode(options: NodeOptions): Promise<RunningNode>;
  publishPath(path: string, options: PublishOptions): Promise<Published>;
  resumePublish(job: string | undefined, options: ResumeOptions): Promise<Published>;
  estimatePublish(path: string, options: EstimateOptions): Promise<Estimate>;
  takeReceipt(reference: string, options: ClientOptions): Promise<ReceiptCounts>;
  listJobs(dataDir: string): Promise<readonly Job[]>;
  forgetJob(dataDir: string, id: string): Promise<void>;
  fetchReference(reference: string, options: FetchOptions): Promise<Fetched>;
  listReference(reference: string, options: ListOptions): Promise<Listed>;
  /** The reference of one file or folder by itself; see `umbel ref file`. */
  ownReference(reference: string, options: ClientOptions): Promise<string>;
}
