/** Cell commands: what one node says to the next on a link (docs/spec/03-cells.md). */
export const CELL_COMMAND = {
  /** Ignored; circuit id 0. */
  PADDING: 0,
  /** Opens a circuit: the hop handshake's first message, or a link-keyed circuit. */
  CREATE: 1,
  /** Answers CREATE with the hop handshake's second message. */
  CREATED: 2,
  /** An onion-encrypted relay cell. */
  RELAY: 3,
  /** Ends a circuit, without a reason. */
  DESTROY: 4,
} as const;
export type CellCommand = (typeof CELL_COMMAND)[keyof typeof CELL_COMMAND];

/** Relay commands: what the originator and one hop say to each other inside the onion (docs/spec/04-circuits.md). */
export const RELAY_COMMAND = {
  /** Ignored; with the RATCHET flag the layer of this direction ratchets after the cell. Stream id 0. */
  PADDING: 0,
  /** To the last hop: add the node named here. Stream id 0. */
  EXTEND: 1,
  /** From the last hop: the new hop's handshake reply. Stream id 0. */
  EXTENDED: 2,
  /** From the last hop: the node named is not in my directory; attach its descriptor. Stream id 0. */
  UNKNOWN: 3,
  /** Opens a stream: service u8, then the first data. */
  OPEN: 4,
  /** The next data of a stream. */
  DATA: 5,
  /** Acknowledges data cells, with proof: of a stream, or of the circuit when the stream id is 0. */
  CREDIT: 6,
  /** Gives a stream up. */
  RESET: 7,
  /** Several short messages of streams and credits, as if each had come in a cell of its own. Stream id 0. */
  PACKED: 8,
} as const;
export type RelayCommand = (typeof RELAY_COMMAND)[keyof typeof RELAY_COMMAND];

/** Flag bits of a relay cell. */
export const RELAY_FLAG = {
  /** On OPEN and DATA: the last cell of this direction of the stream. */
  END: 1,
  /** On PADDING: the layer ratchets after this cell. */
  RATCHET: 2,
} as const;

/** Services a stream can be opened to. */
export const SERVICE = {
  /** Directory exchange between nodes and towards starting clients. */
  DIRECTORY: 1,
  /** GET and PUT for a client, at the endpoint of its circuit. */
  BLOCKS: 2,
  /** GET and PUT for an endpoint, at a holder. */
  HOLDER: 3,
} as const;
export type ServiceId = (typeof SERVICE)[keyof typeof SERVICE];
