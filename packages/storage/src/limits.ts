/** Caps and choices of the storage package; docs/limits.md repeats them with the reasons. */

// Formats: what a hostile publisher can make a reader hold.

/** Files of one folder: the reader keeps each path once, to find paths that clash. */
export const MAX_FOLDER_ENTRIES = 100_000;
/** UTF-8 bytes of a path in a folder. With MAX_FOLDER_ENTRIES it bounds the reader's memory to about 200 MiB. */
export const MAX_PATH_BYTES = 1024;
/** UTF-8 bytes of one name: what file systems take. */
export const MAX_SEGMENT_BYTES = 255;
/** Names in a path. */
export const MAX_PATH_DEPTH = 64;

// Publishing.

/**
 * Sealed blocks that wait for their turn, so that the order of the puts says little about the order in the file: 256
 * blocks are 8 MiB. DESIGN allows 4,096 (128 MiB); a client on a small machine must not need that.
 */
export const PUBLISH_WINDOW_BLOCKS = 256;
/** Puts in flight: 64 blocks are 2 MiB, which over 4 circuits covers 100 ms of latency at 20 MiB/s. */
export const PUBLISH_CONCURRENCY = 64;
/** Tries of the network for one put that too few holders confirmed; each may take other circuits and endpoints. */
export const PUT_TRIES = 3;

// Fetching.

/** Data blocks asked ahead of the one that is delivered next: 2 MiB in memory. */
export const FETCH_WINDOW_BLOCKS = 64;
/** Tries of the network for a block that was not found; of a root at each of its three locations in turn. */
export const GET_TRIES = 3;
/** Opened index blocks that a reader keeps, 32 KiB each. */
export const INDEX_CACHE_BLOCKS = 16;
