import type { Readable, Writable } from "node:stream";
import type { Logger } from "@umbel/core";
import type { ConstantRate } from "@umbel/router";
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
}

export interface PublishOptions extends ClientOptions {
  readonly name?: string | undefined;
  /** Take hidden files of a folder too. */
  readonly hidden: boolean;
  /** Read when the path is "-". */
  readonly stdin: Readable;
}

export interface Published {
  readonly reference: string;
  readonly bytes: number;
  readonly blocks: number;
  /** Confirmed copies over all blocks. */
  readonly copies: number;
  readonly seconds: number;
  readonly files: number;
  /** Files and folders left out since their names start with a dot. */
  readonly skipped: number;
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
  /** Told what a person may want to know, as where an interrupted fetch left what had arrived. */
  readonly onNote?: ((text: string) => void) | undefined;
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

/** What the commands need of the network. `compose.ts` is the real one; tests pass their own. */
export interface Engine {
  startNode(options: NodeOptions): Promise<RunningNode>;
  publishPath(path: string, options: PublishOptions): Promise<Published>;
  fetchReference(reference: string, options: FetchOptions): Promise<Fetched>;
  listReference(reference: string, options: ListOptions): Promise<Listed>;
  /** References on this machine alone: opened, weakened, locked, sealed. */
  references(): Promise<typeof import("./wiring/references.ts")>;
  /** Recipients of a data folder. */
  recipients(): Promise<typeof import("./wiring/recipients.ts")>;
}
