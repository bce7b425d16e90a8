/** Caps and choices of the storage package; docs/limits.md repeats them with the reasons. */

// Formats: what a hostile publisher can make a reader hold.

/** Files of one folder: the reader keeps each path once, to find paths that clash. */
export const MAX_FOLDER_ENTRIES = 100_000;
/** UTF-8 bytes of all paths of a folder, its inner folders counted once: what the reader keeps, about four times over. */
export const MAX_FOLDER_PATHS_BYTES = 16 * 1024 * 1024;
/** UTF-8 bytes of a path in a folder. */
export const MAX_PATH_BYTES = 1024;
/** UTF-8 bytes of one name: what file systems take. */
export const MAX_NAME_BYTES = 255;
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
/** Puts of one job, 9 bytes of memory each when it is resumed: blocks of about 800 GB. */
export const MAX_JOB_PUTS = 2 ** 25;
/** Time in ms after which a job's journal is flushed to disk again; a power cut loses what came since, and that is put again. */
export const JOURNAL_SYNC_MS = 2_000;
/** Bytes of a journal read at once. */
export const JOURNAL_READ_BYTES = 1024 * 1024;
/** Bytes of a job record that are read; the ids of the index blocks of 800 GB fit. */
export const MAX_JOB_RECORD_BYTES = 8 * 1024 * 1024;
/** Bytes of standard input in one chunk of a spool. */
export const SPOOL_CHUNK_BYTES = 256 * 1024;
/** Data blocks that a receipt asks for: with a tenth of all blocks missing, 32 find it with probability 0.97. */
export const RECEIPT_SAMPLE_BLOCKS = 32;
/** Index blocks and roots of files that a receipt asks for: all of about 100 GB. */
export const RECEIPT_INDEX_BLOCKS = 4_096;
/** Blocks that a receipt asks for at once. */
export const RECEIPT_CONCURRENCY = 16;
/** Shortest and longest pause in ms between the last put and the first get of a receipt. */
export const RECEIPT_PAUSE_MIN_MS = 250;
export const RECEIPT_PAUSE_MAX_MS = 1_000;

// Fetching.

/** Data blocks asked ahead of the one that is delivered next: 2 MiB in memory. */
export const FETCH_WINDOW_BLOCKS = 64;
/** Tries of the network for a block that was not found; of a root at each of its three locations in turn. */
export const GET_TRIES = 3;
/** Bytes of a folder's next files that are fetched while one is read. */
export const FETCH_AHEAD_BYTES = 4 * 1024 * 1024;
/** Files of a folder that are fetched while one is read. */
export const FETCH_AHEAD_FILES = 256;
/** Segments whose blocks a reader of a tree holds, so that it can decode without asking twice: up to 10 MiB. */
export const FETCH_SEGMENTS_KEPT = 2;
/** Blocks that are asked for only so that parity can stand in for a slow block: with more, waiting is cheaper. */
export const FETCH_HURRY_EXTRA_BLOCKS = 16;
/** Segments of a group that are read side by side for the cross segments. */
export const FETCH_ACROSS_SEGMENTS = 2;
/** Opened index blocks that a reader keeps, 32 KiB each. */
export const INDEX_CACHE_BLOCKS = 16;

// Erasure code

/** Memory of the erasure code's kernel, one for each thread: tiles of 4 KiB of 128 + 128 blocks, and its tables. */
export const ERASURE_KERNEL_BYTES = 25 * 64 * 1024;

// Store

/** Blocks written in one transaction of the store: one flush to disk serves them all. */
export const STORE_BATCH_BLOCKS = 64;
/** Bytes that stay free on the disk: LMDB must never meet a full one (docs/decisions/0063-block-store.md). */
export const STORE_DISK_RESERVE_BYTES = 64 * 1024 * 1024;
/** Part of a store's quota for pages that a transaction gave back and the next two cannot use yet: two batches, and some more. */
export const STORE_SLACK_BYTES = 5 * 1024 * 1024;
/** Entries read at once when the store is walked. */
export const STORE_WALK_ENTRIES = 1000;
/** Cached blocks of which the store knows that they were asked for lately: about 8 MiB of memory. */
export const STORE_RECENT_NAMES = 65_536;
/** Entries looked at in one batch of writes for one that this node is not responsible for: about 15 ms at a full store. */
export const STORE_SWEEP_ENTRIES = 512;
/** Time in ms before all entries are looked at again after a round in which this node was responsible for each. */
export const STORE_SWEEP_PAUSE_MS = 60_000;

// Holders

/** R: nodes that are responsible for a location. */
export const HOLDER_COUNT = 3;
/** Near misses: the next nodes after the holders, a second one for each point, asked and given blocks when holders fail. */
export const NEAR_MISS_COUNT = 3;
/** Requests of other nodes that a holder works on at once. */
export const HOLDER_MAX_ACTIVE = 128;
/** Requests of other nodes that wait for a holder; each keeps at most one block in memory. */
export const HOLDER_MAX_WAITING = 256;

/** Numbers of a slot's editions that a holder keeps, the newest; of each up to two blocks, the second as evidence of a fork. */
export const SLOT_KEPT_EDITIONS = 4;

// Repair by holders (docs/decisions/0073-holder-repair.md)

/** Time in ms between two looks at the neighbours and the directory, on average. Long enough that one restart moves no block. */
export const REPAIR_PROBE_MS = 5 * 60_000;
/** A node is away when calls to it failed this long apart, in ms, with no answer between. */
export const REPAIR_AWAY_MS = 3 * 60_000;
/** Nodes that lately failed, remembered; the one that failed first is forgotten first. */
export const REPAIR_MAX_FAILING = 1_000;
/** Time in ms after which a node that also has a block acts, where the nearer one did not. */
export const REPAIR_TURN_MS = 3 * 60_000;
/** Turns that a put waits where its taker must find nearer nodes away itself: looks of two nodes differ by some minutes. */
export const REPAIR_FAR_TURNS = 2;
/** Time in ms between two walks over the whole store, whatever the directory does. */
export const REPAIR_FULL_MS = 6 * 3_600_000;
/** Longest pause in ms before blocks that could not be put in place are tried again. */
export const REPAIR_RETRY_MAX_MS = 2 * 3_600_000;
/** Blocks not in place that the next turn looks at without another walk over the store. */
export const REPAIR_MAX_OPEN = 20_000;
/** Blocks looked at together: what a walk over the store keeps in memory, without their bytes. */
export const REPAIR_WINDOW_ITEMS = 1_000;
/** Calls of repair under way at once; each keeps at most one block in memory. */
export const REPAIR_CALLS_AT_ONCE = 8;
/** Spare blocks remembered, about 10 MiB; what is beyond is not displaced before the next walk. */
export const REPAIR_MAX_SPARES = 65_536;
/** Puts in a row that a node did not take, after which a walk tries it with few only. */
export const REPAIR_REFUSED_PUTS = 16;
/** Puts of which such a node gets one: until it takes one, it costs a walk that part of its bytes and time. */
export const REPAIR_PUTS_PER_TRIAL = 32;
/** Bytes of blocks per second that repair sends, and that it asks for of slots: a third of a 50 Mbit/s line. */
export const REPAIR_BYTES_PER_SECOND = 2 * 1024 * 1024;
/** Nodes near this one's blocks that are asked for a sign of life; in networks of no more nodes, all of them. */
export const REPAIR_MAX_NEIGHBOURS = 256;
/** Nodes nearest to this one's own position that are asked for a sign of life, also while it holds nothing. */
export const REPAIR_NEAREST_NEIGHBOURS = 16;

// Repair by who has a verify key

/** Tries of the network before a block counts as missing. */
export const REPAIR_CHECK_TRIES = 2;
/** Blocks looked for, or put back, at once: 2 MiB. */
export const REPAIR_GETS_AT_ONCE = 64;

// Bundles

/** Blocks of one bundle, 32 GiB: the table takes 33 bytes of memory for each, and a sort of it some more. */
export const MAX_BUNDLE_ENTRIES = 2 ** 20;
/** Puts of an import that are confirmed before what is done is written down. */
export const BUNDLE_RECORD_PUTS = 256;

// Sites

/** Handovers that a reader follows from one site to the next. */
export const MAX_HANDOVERS = 8;
/** Shortest pause in ms between two looks at a site that is watched; each pause is drawn between the wanted one's half and one and a half. */
export const WATCH_MIN_PAUSE_MS = 10_000;
/** Blocks of a site that are remembered as confirmed, 10 bytes each: those of about 15 GB. The oldest are forgotten first. */
export const CONFIRMED_MAX_BLOCKS = 500_000;
/** Days for which a confirmed block is not put again: content that nobody reads lasts longer than that. */
export const CONFIRMED_DAYS = 14;

// Endpoint

/** Client requests that an endpoint works on at once. */
export const ENDPOINT_MAX_ACTIVE = 128;
/** Of them, those of one circuit: twice what a client asks at once, so that one whose requests hang leaves places to others. */
export const ENDPOINT_MAX_ACTIVE_OF_CIRCUIT = 32;
/** Client requests that wait at an endpoint; each keeps at most one block in memory. */
export const ENDPOINT_MAX_WAITING = 512;
/** Blocks of which an endpoint remembers which circuit asked for them last; the oldest is forgotten first. About 4 MiB. */
export const ENDPOINT_MAX_SEEN = 16_384;
/** Time in ms for which it remembers that. */
export const ENDPOINT_SEEN_MS = 600_000;
/** Requests by further circuits of which one, drawn at random, has its block cached: a block written costs more than one asked of a holder. */
export const ENDPOINT_REQUESTS_PER_CACHED = 32;
/** Blocks of which an endpoint remembers that no holder had them; the oldest is forgotten first. */
export const ENDPOINT_MAX_ABSENT = 4_096;
/** Time in ms for which it remembers that: under a minute, since somebody may be publishing them. */
export const ENDPOINT_ABSENT_MS = 20_000;
/** Bytes of blocks that an endpoint without a store caches in memory. */
export const ENDPOINT_MEMORY_CACHE_BYTES = 16 * 1024 * 1024;
/** Silence of a holder in ms after which a GET asks the next one too. */
export const HOLDER_HEDGE_MS = 1_000;
/** Holders asked for one block at once: on a busy network, asking more only adds load. */
export const HOLDER_MAX_AT_ONCE = 3;
/** Time in ms for a holder's whole answer to a GET. Two rounds of holders end before the client's own timeout. */
export const HOLDER_GET_TIMEOUT_MS = 6_000;
/** Time in ms for a holder to store a block and say so. */
export const HOLDER_PUT_TIMEOUT_MS = 10_000;
/** Time in ms for which a holder that could not be reached is asked last. */
export const HOLDER_UNREACHABLE_MS = 15_000;
/** Unreachable holders remembered; the oldest is forgotten first. */
export const HOLDER_MAX_UNREACHABLE = 1_000;

// Client

/** Circuits of one operation that carry data blocks. */
export const CLIENT_DATA_CIRCUITS = 4;
/** Circuits of one operation that carry roots and index blocks. */
export const CLIENT_ROOT_CIRCUITS = 2;
/** Requests in flight on one circuit. */
export const CLIENT_CALLS_PER_CIRCUIT = 16;
/** On a line of known width: requests in flight on one lane take about this long, in ms. */
export const CLIENT_NARROW_LINE_MS = 4_000;
/** Outstanding requests for which one more circuit of a lane is worth its build. */
export const CLIENT_CALLS_PER_NEW_CIRCUIT = 4;
/** Time in ms for an endpoint's whole answer to a GET. */
export const CLIENT_GET_TIMEOUT_MS = 20_000;
/** Time in ms for an endpoint's answer to a PUT. */
export const CLIENT_PUT_TIMEOUT_MS = 30_000;
/** Shortest and longest silence in ms after which a request is tried over a second circuit. */
export const CLIENT_OVERTAKE_MIN_MS = 1_500;
export const CLIENT_OVERTAKE_MAX_MS = 12_000;
/** Tries of one request over all circuits. */
export const CLIENT_TRIES = 8;
/** Endpoints that must say "not found", or report too few copies, before that counts. */
export const CLIENT_OPINIONS = 2;
/** Faults in a row (overtaken, reset) after which a circuit is replaced. */
export const CLIENT_CIRCUIT_FAULTS = 3;
/** Failed builds in a row, with no circuit open, after which a lane gives up: with the pauses, about 8 s, so that guards are tried again. */
export const CLIENT_BUILD_FAILURES = 6;
/** Failed builds in a row after which a publish goes on with the circuits that stand. */
export const CLIENT_SPREAD_BUILD_FAILURES = 3;
/** Requests that a circuit of a publish may be given beyond the one that was given fewest. */
export const CLIENT_SPREAD_SLACK = 8;
/** First pause in ms after a failed build; it doubles up to the second. */
export const CLIENT_BUILD_PAUSE_MS = 250;
export const CLIENT_BUILD_PAUSE_MAX_MS = 8_000;
/** Endpoints that failed an operation and are avoided by its next circuits; the oldest is forgotten first. */
export const CLIENT_MAX_FAILED_ENDPOINTS = 8;
/** The part of a period for which a client's kept directory counts as fresh: two hours of a day. Then it is refreshed over circuits. */
export const CLIENT_DIRECTORY_FRESH_PART = 1 / 12;
/** A kept directory is used if it has so many of this period's descriptors, as a part of the larger period in its file. */
export const CLIENT_DIRECTORY_LEAST_PART = 3 / 4;
/** A client that ends waits so long at most for a refresh of its directory and for its file, in ms. */
export const CLIENT_DIRECTORY_GRACE_MS = 3_000;
