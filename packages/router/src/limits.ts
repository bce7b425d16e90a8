import { MAX_RECORD_BYTES } from "@umbel/core";

/**
 * Every cap of this package: what a peer, or our own layers, can make a node hold. One row each in docs/limits.md.
 * Sizes that belong to the protocol stand in core's geometry and in circuit/credits.ts.
 */

/** Links of a node in any state. Past it new connections are closed and nothing is dialled. */
export const MAX_LINKS = 4096;
/** Links this node is dialling that are not established yet. */
export const MAX_PENDING_DIALS = 64;
/** Circuits on one link, from both sides. */
export const MAX_CIRCUITS_PER_LINK = 4096;
/** Streams open at once between an originator and one hop. One more is reset. */
export const MAX_STREAMS_PER_CIRCUIT = 64;
/** Control cells (credits, resets, answers) waiting on one circuit: a peer that makes more has its circuit destroyed. */
export const MAX_CONTROL_CELLS = 512;
/** Requests whose answer is not sent yet, over all circuits of a node. One more is reset. */
export const MAX_REQUESTS_IN_PROGRESS = 2048;
/** One-hop circuits kept to one peer; further calls wait for a free stream. */
export const MAX_DIRECT_CIRCUITS = 4;
/** Cells of one circuit that start at this node and wait in the link's queue; more wait in their streams. */
export const MAX_OWN_QUEUED_CELLS = 64;

/** A circuit that is not built by then is given up, in ms. */
export const CIRCUIT_BUILD_TIMEOUT_MS = 15_000;
/** An EXTEND whose next hop does not answer by then destroys the circuit, in ms. */
export const EXTEND_TIMEOUT_MS = 10_000;
/** After this long without a forward cell the layers of a circuit ratchet, in ms (DESIGN section 6). */
export const RATCHET_SILENCE_MS = 60_000;
/** A dialled link without circuits is closed after this long, in ms. */
export const LINK_IDLE_MS = 180_000;
/** A one-hop circuit without calls is closed after this long, in ms. */
export const DIRECT_IDLE_MS = 60_000;

/** Bytes in a connection's send buffer above which `send` returns false: about eight full records. */
export const TRANSPORT_HIGH_WATER_BYTES = 8 * MAX_RECORD_BYTES;
/** Bytes in the send buffer at which `drained` follows. */
export const TRANSPORT_LOW_WATER_BYTES = 2 * MAX_RECORD_BYTES;
/** A dial in the memory network to a host that is not reachable ends after this long, in ms. */
export const MEMORY_DIAL_TIMEOUT_MS = 10_000;

/** Cells of one circuit waiting for one link: a circuit window and the control cells beside it. One more destroys the circuit. */
export const MAX_QUEUED_CELLS_PER_CIRCUIT = 1024;
/** Cells waiting for one link, over all circuits: 64 MiB. One more destroys the circuit that it belongs to. */
export const MAX_QUEUED_CELLS_PER_LINK = 16_384;
/** A link whose handshake is not done by then is closed, in ms from the connection and again from its opening. */
export const LINK_HANDSHAKE_TIMEOUT_MS = 10_000;
/** After this long without a sent record a PADDING cell is sent, in ms. */
export const LINK_KEEPALIVE_MS = 30_000;
/** A link whose peer was silent for this long is closed, in ms: three keep-alives were missed. */
export const LINK_SILENCE_MS = 100_000;

/** WebSocket connections one listener accepts; one more is refused. */
export const MAX_ACCEPTED_CONNECTIONS = 2048;
/** Of these, from one IPv4 /24 or IPv6 /48. */
export const MAX_ACCEPTED_PER_PREFIX = 64;
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
