import { MAX_RECORD_BYTES } from "@umbel/core";

/**
 * Every cap of this package: what a peer, or our own layers, can make a node hold. One row each in docs/limits.md.
 * Sizes that belong to the protocol stand in core's geometry and in circuit/credits.ts.
 */

/** Links of a node in any state. Past it new connections are closed and nothing is dialled. */
export const MAX_LINKS = 4096;
/** Links this node is dialling that are not established yet. */
export const MAX_PENDING_DIALS = 64;
/** Of these, for EXTENDs of others: what they make this node dial must not keep it from dialling for itself. */
export const MAX_PENDING_DIALS_FOR_OTHERS = 48;
/** Of these, for circuits that come over one link. One more destroys its circuit. */
export const MAX_PENDING_DIALS_PER_LINK = 8;
/** Of these, to one address prefix (see `prefixGroup`): nobody can point a relay's dials at one victim. One more destroys its circuit. */
export const MAX_PENDING_DIALS_PER_PREFIX = 4;
/** Circuits that run through or to this node, over all links. One more CREATE is answered DESTROY. */
export const MAX_RELAYED_CIRCUITS = 16_384;
/** Circuits on the link of a client: it needs about a dozen for an operation, and must not take what all share. One more is answered DESTROY. */
export const MAX_CIRCUITS_PER_CLIENT_LINK = 128;
/** Circuits on one link, from both sides. */
export const MAX_CIRCUITS_PER_LINK = 4096;
/** Streams open at once between an originator and one hop. One more is reset. */
export const MAX_STREAMS_PER_CIRCUIT = 64;
/** Control cells (credits, resets, answers) waiting on one circuit: a peer that makes more has its circuit destroyed. */
export const MAX_CONTROL_CELLS = 512;
/** Requests to the services of a node, unfinished or at work. One more resets the oldest unfinished one, or is reset where all are at work. */
export const MAX_REQUESTS_IN_PROGRESS = 2048;
/** One-hop circuits kept to one peer; further calls wait for a free stream. */
export const MAX_DIRECT_CIRCUITS = 4;
/** Calls to one peer that wait for a free stream. One more is refused. */
export const MAX_WAITING_DIRECT_CALLS = 1024;
/** Cells of one circuit that start at this node and wait in the link's queue; more wait in their streams. Whole records of 15, so that a batch does not end in a short one, by which own cells could be told from relayed ones. */
export const MAX_OWN_QUEUED_CELLS = 60;

/** Hop handshakes that are being answered at once: two for each worker and a few more, so that none waits for the main thread. */
export const MAX_ANSWERS_AT_WORK = 8;
/** Hop handshakes whose bid is being read at once, which is done only while all answers are at work. */
export const MAX_BIDS_AT_WORK = 8;
/** Hop handshakes whose bid nobody has read: reading takes a quarter of an answer. One more is refused. */
export const MAX_UNREAD_HANDSHAKES = 256;
/** Hop handshakes in order of their bids. One more refuses the lowest, of equals the latest. */
export const MAX_RANKED_HANDSHAKES = 512;
/** Hop handshakes of one client link without an answer. One more is refused. */
export const MAX_HANDSHAKES_PER_CLIENT_LINK = 32;
/** Hop handshakes of one link to a node without an answer: it brings those of many. One more is refused. */
export const MAX_HANDSHAKES_PER_NODE_LINK = 256;
/** Hop handshakes a second on the link of a client, in the long run. One more is refused. */
export const HANDSHAKES_PER_SECOND_PER_CLIENT_LINK = 16;
/** Of these, at once: as many circuits as the link may carry. */
export const HANDSHAKE_BURST_PER_CLIENT_LINK = MAX_CIRCUITS_PER_CLIENT_LINK;
/** Hop handshakes a second on a link to a node, in the long run. One more is refused. */
export const HANDSHAKES_PER_SECOND_PER_NODE_LINK = 1024;
/** Of these, at once. */
export const HANDSHAKE_BURST_PER_NODE_LINK = 2048;
/** A hop handshake without an answer is refused after this long, in ms: before the hop that asks gives up (EXTEND_TIMEOUT_MS). */
export const HANDSHAKE_WAIT_MS = 5_000;
/** Workers of one node that answer hop handshakes, at most; never more than the processors less one, and one at the least. */
export const MAX_HANDSHAKE_WORKERS = 4;
/** Handshakes given to a worker before another one is started. */
export const WORK_PER_HANDSHAKE_WORKER = 4;
/** Answers a second that a node gives without a worker: a hundredth of a processor. */
export const HANDSHAKES_IN_LINE_PER_SECOND = 16;
/** Of these, at once. */
export const HANDSHAKES_IN_LINE_BURST = 8;
/** A handshake worker without work ends after this long, in ms. */
export const HANDSHAKE_WORKER_IDLE_MS = 30_000;
/** Effort of the first bid to a hop that refused: 256 tries, about as much work as the answer. */
export const FIRST_HOP_EFFORT = 8;
/** So much is added to the effort by each further refusal: four times the work. */
export const HOP_EFFORT_STEP = 2;
/** Highest effort that a client offers, 2^18 tries or about half a second: a hop that always refuses cannot cost it more. */
export const MAX_OFFERED_EFFORT = 18;
/** The effort for a hop is forgotten after so long without a refusal, in ms. */
export const HOP_EFFORT_MEMORY_MS = 600_000;
/** Hops whose effort is remembered; past it the oldest is forgotten. */
export const MAX_HOP_EFFORTS = 1024;
/** Tries for a bid in one turn of the event loop: about a millisecond. */
export const BID_TRIES_PER_TURN = 512;
/** Bids remembered against replay, at the least; twice as many at most. */
export const MAX_SPENT_BIDS = 65_536;

/** A circuit that is not built by then is given up, in ms. */
export const CIRCUIT_BUILD_TIMEOUT_MS = 15_000;
/** An EXTEND whose next hop does not answer by then destroys the circuit, in ms. */
export const EXTEND_TIMEOUT_MS = 10_000;
/** After this long without a forward cell the layers of a circuit ratchet, in ms (DESIGN section 6). */
export const RATCHET_SILENCE_MS = 60_000;
/** A dialled link without circuits is closed after this long, in ms. */
export const LINK_IDLE_MS = 180_000;
/**
 * The same for an accepted link, in ms: longer, so that the end that dialled, which knows what it is about to send, closes first;
 * a peer that only keeps alive does not hold a place for ever.
 */
export const ACCEPTED_LINK_IDLE_MS = 600_000;
/** A one-hop circuit without calls is closed after this long, in ms. */
export const DIRECT_IDLE_MS = 60_000;

/** Bytes in a connection's send buffer above which `send` returns false: about eight full records. */
export const TRANSPORT_HIGH_WATER_BYTES = 8 * MAX_RECORD_BYTES;
/** Bytes in the send buffer at which `drained` follows. */
export const TRANSPORT_LOW_WATER_BYTES = 2 * MAX_RECORD_BYTES;
/** Memory of full records that have left, kept for the next ones: 4 MiB for the whole process, used only where as many leave at once. */
export const MAX_SPARE_RECORDS = 64;
/** A dial in the memory network to a host that is not reachable ends after this long, in ms. */
export const MEMORY_DIAL_TIMEOUT_MS = 10_000;

/** Cells of one circuit waiting for one link: a circuit window and the control cells beside it. One more destroys the circuit. */
export const MAX_QUEUED_CELLS_PER_CIRCUIT = 1024;
/** Cells waiting for one link, over all circuits: 64 MiB. One more destroys the circuit that it belongs to. */
export const MAX_QUEUED_CELLS_PER_LINK = 16_384;
/** Bodies of cells that have left, kept for the next cells that start here: 4 MiB for the whole process, used only where as many wait at once. */
export const MAX_SPARE_BODIES = 1_024;
/**
 * Bytes in all queues of a node together, unless its operator says otherwise: cells at links, answers in streams, unfinished requests, and
 * what full connections have taken. Over it, what has waited longest is ended.
 */
export const DEFAULT_QUEUE_BYTES = 256 * 2 ** 20;
/** Circuits are ended until the queues are down to this share of their bound. */
export const QUEUE_RELIEF_SHARE = 0.9;
/** When memory is short, links whose connection took nothing for this long, in ms, are ended first. */
export const STALLED_LINK_MS = 10_000;
/** DESTROYs waiting for one link, 4 bytes each: more than its circuits. A peer that causes more loses the link. */
export const MAX_QUEUED_DESTROYS = 8192;
/** Records a link hands to its connection in one turn: as many as fill its buffer, so that a full one is noticed in time. */
export const MAX_RECORDS_PER_FLUSH = 8;
/** A link whose handshake is not done by then is closed, in ms from the connection and again from its opening. */
export const LINK_HANDSHAKE_TIMEOUT_MS = 10_000;
/** After this long without a sent record a PADDING cell is sent, in ms. */
export const LINK_KEEPALIVE_MS = 30_000;
/** Shortest and longest silence, in ms, after which a link between a client and a node pads (Tor's padding-spec, section 2.2). */
export const LINK_PADDING_MIN_MS = 1500;
export const LINK_PADDING_MAX_MS = 9500;
/** The shortest time between two records, in ms, that a client may ask for: each costs the node a timer. */
export const MIN_CONSTANT_RATE_INTERVAL_MS = 50;
/** The longest time between two records, in ms, that a client may ask for. */
export const MAX_CONSTANT_RATE_INTERVAL_MS = 1000;
/** Lowest constant rate that a person may choose, in bytes of records a second each way: a block takes about a second. */
export const MIN_CONSTANT_RATE_BYTES = 32_768;
/** Highest constant rate that a client may ask for, in bytes of records a second each way. One who asks for more loses the link. */
export const MAX_CONSTANT_RATE_BYTES = 1_048_576;
/** Links with a constant rate that a node grants to clients, unless its operator says less; one more is refused. */
export const MAX_CONSTANT_RATE_LINKS = 32;
/** A link whose peer was silent for this long is closed, in ms: three keep-alives were missed. */
export const LINK_SILENCE_MS = 100_000;

/** WebSocket connections one listener accepts; one more is refused. */
export const MAX_ACCEPTED_CONNECTIONS = 2048;
/** Of these, from one IPv4 /24 or IPv6 /48. */
export const MAX_ACCEPTED_PER_PREFIX = 64;
/** Connections a second that a listener takes from one IPv4 /24 or IPv6 /48, in the long run: each costs a link handshake. One more is refused. */
export const CONNECTIONS_PER_SECOND_PER_PREFIX = 2;
/** Of these, at once: as many as may stand. */
export const CONNECTION_BURST_PER_PREFIX = MAX_ACCEPTED_PER_PREFIX;
/** The same over all prefixes, loopback too: a tenth of a processor for link handshakes. */
export const CONNECTIONS_PER_SECOND = 64;
/** Of these, at once. */
export const CONNECTION_BURST = 512;
/** Prefixes whose rate is remembered; past it those that did nothing lately are forgotten, then the oldest. */
export const MAX_RATED_PREFIXES = 4096;
/** Sockets of a listener that have not become WebSockets; past it new ones are closed unread. */
export const MAX_UNUPGRADED_SOCKETS = 128;
/** Frames one message may be cut into. Our own are whole. */
export const MAX_WS_FRAGMENTS = 2;
/** Socket reads that one unfinished message may be made of: a record in pieces of 241 bytes. */
export const MAX_SOCKET_CHUNKS = 256;
/** TCP, TLS and the WebSocket upgrade together may take this long, in ms. */
export const UPGRADE_TIMEOUT_MS = 10_000;
/** A closed connection whose peer does not answer the goodbye is destroyed after this long, in ms. */
export const CLOSE_TIMEOUT_MS = 10_000;
/** A listener that closes waits this long for its peers' goodbyes, in ms. */
export const LISTENER_CLOSE_GRACE_MS = 1_000;

/** Descriptors held of one period: every node holds the whole directory up to here (DESIGN section 8). One more is refused. */
export const MAX_DIRECTORY_NODES = 20_000;
/** Second descriptors of one node and period that are kept as evidence, over all nodes of a period. */
export const MAX_DIRECTORY_CONFLICTS = 256;
/** Digests of ranges remembered until the set changes. */
export const MAX_CACHED_DIGESTS = 4096;
/** Hashes listed for one range, and descriptors sent for one: above it a range is split. */
export const MAX_RANGE_HASHES = 128;
/** Ranges in one directory request. */
export const MAX_SYNC_RANGES = 64;
/** Hashes in one directory request, over all its ranges. */
export const MAX_SYNC_HASHES = 1024;
/** Descriptor bytes in one directory response, over all its ranges. */
export const MAX_SYNC_DESCRIPTOR_BYTES = 192 * 1024;
/** Descriptors in one PUSH. */
export const MAX_PUSH_DESCRIPTORS = 128;
/** Bytes of a directory request: a PUSH of the largest descriptors. */
export const MAX_DIRECTORY_REQUEST_BYTES = 136 * 1024;
/** Bytes of a directory response: the descriptors and 64 ranges split or listed. */
export const MAX_DIRECTORY_RESPONSE_BYTES = 256 * 1024;
/** Bytes of the directory file of a client: two periods of the largest descriptors. A longer one is ignored. */
export const MAX_DIRECTORY_FILE_BYTES = 41_042_048;
/** Nodes, each over a circuit of its own, that must all know a descriptor before a client takes it from them. */
export const DIRECTORY_OPINIONS = 2;
/** Requests of one reconciliation: a peer cannot keep a node busy for longer. */
export const MAX_SYNC_ROUNDS = 256;
/** Ranges waiting in one reconciliation; what a peer makes beyond is left to the next one. */
export const MAX_SYNC_PENDING_RANGES = 4096;
/** A directory request without its whole response is given up after this long, in ms. */
export const DIRECTORY_CALL_TIMEOUT_MS = 15_000;
/** Between two reconciliations at the least, in ms, and as many ms per node known: a large directory always changes. */
export const RECONCILE_MIN_MS = 1000;
export const RECONCILE_MS_PER_NODE = 10;
/** Between two reconciliations when nothing changes, in ms. */
export const RECONCILE_MAX_MS = 60_000;
/** Peers that a newly pushed descriptor is passed on to. */
export const FLOOD_FANOUT = 3;
/** Descriptors waiting to be passed on; what comes beyond is left to reconciliation. */
export const MAX_FLOOD_QUEUE = 256;
/** Descriptors are collected for up to this long before they are passed on, in ms. */
export const FLOOD_DELAY_MS = 100;
/** An unreachable bootstrap node is tried again after this long at first, in ms, doubled each time. */
export const BOOTSTRAP_RETRY_MIN_MS = 1000;
/** Longest time between two tries of an unreachable bootstrap node, in ms. */
export const BOOTSTRAP_RETRY_MAX_MS = 60_000;
/** Bootstrap nodes asked at once, and that must have answered where there are as many. */
export const BOOTSTRAP_PARALLEL = 2;

/** Guards in use at once, in order (DESIGN section 8; Tor's N_PRIMARY_GUARDS). */
export const GUARDS_IN_USE = 3;
/** Guards sampled, absent ones included: all that a client can meet before some have had their time (Tor's MIN_FILTERED_SAMPLE). */
export const MAX_SAMPLED_GUARDS = 20;
/** A guard goes after so many days in the sample, if it was confirmed long enough ago, or never. */
export const GUARD_LIFETIME_DAYS = 120;
/** A guard that carried a circuit stays for so many days after the first one at least. */
export const GUARD_CONFIRMED_MIN_DAYS = 60;
/** The days when a guard was sampled and confirmed are written up to so many days too early: a tenth of the lifetime. */
export const GUARD_DATE_BLUR_DAYS = 12;
/** A guard that is not in the directory for so many days goes. */
export const GUARD_ABSENT_DAYS = 20;
/** The day since when a guard is absent is written up to so many days too early. */
export const GUARD_ABSENT_BLUR_DAYS = 4;
/** When nothing answered for this long, in ms, this machine was offline: what failed meanwhile says nothing about guards. */
export const LIKELY_OFFLINE_MS = 600_000;
/** Reports about guards after which a client that runs on saves its counts; others save them when they stop. */
export const GUARD_REPORTS_PER_SAVE = 32;
/** Second guards in use at once (Tor's NUM_LAYER2_GUARDS). */
export const SECOND_GUARDS_IN_USE = 4;
/** Second guards listed, absent ones included. */
export const MAX_SECOND_GUARDS = 8;
/** A second guard serves for the greater of two uniform draws from 1 to so many days. */
export const SECOND_GUARD_MAX_DAYS = 22;
/** With fewer relays in the directory there are no second guards: four of so few would protect nobody. */
export const SECOND_GUARD_MIN_RELAYS = 20;
/** Circuits over a guard below which its share of failures says nothing (Tor's pb_mincircs). */
export const BIAS_MIN_CIRCUITS = 150;
/** A guard's counts are halved when they pass this, so that old circuits count less (Tor's pb_scalecircs). */
export const BIAS_SCALE_CIRCUITS = 300;
/** Shares of circuits that succeed, below which a guard is worth a notice, a warning, an alarm (Tor's pb_noticepct and so on). */
export const BIAS_NOTICE_SHARE = 0.7;
export const BIAS_WARN_SHARE = 0.5;
export const BIAS_EXTREME_SHARE = 0.3;
/** A guard that did not answer is tried again after this long at first, in ms, doubled each time. */
export const GUARD_RETRY_MIN_MS = 2000;
/** Longest time between two tries of an unreachable guard, in ms. */
export const GUARD_RETRY_MAX_MS = 60_000;
/** Nodes looked at in one search for a path: a search that finds nothing ends. */
export const MAX_PATH_CHECKS = 50_000;
/** Circuits begun for one request, over all guards. */
export const MAX_BUILD_ATTEMPTS = 8;
/** Nodes remembered as failed lately; past it the oldest is forgotten. */
export const MAX_FAILED_NODES = 256;
/** A node that was not reached is avoided for this long, in ms. */
export const FAILED_NODE_MS = 60_000;
/** A circuit that was built ahead and not used is closed after this long, in ms: half of what Tor gives an unused circuit. */
export const READY_CIRCUIT_MAX_AGE_MS = 15 * 60_000;
/** Time between two looks at the circuits that were built ahead, in ms. */
export const READY_CIRCUIT_CHECK_MS = 60_000;
