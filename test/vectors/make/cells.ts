import {
  BODY_BYTES,
  CELL_BYTES,
  CELL_COMMAND,
  type CellCommand,
  encodeBase32,
  encodeCreated,
  encodeCreateLinkKeyed,
  encodeCreateOnion,
  encodeExtend,
  encodeExtended,
  encodePacked,
  encodeRelayCell,
  type NodeId,
  RELAY_COMMAND,
  RELAY_FLAG,
  writeCell,
} from "@umbel/core";
import { hex, NAMED, named, sha256 } from "./sources.ts";

const DIALLED = 0x8000_0001;
const ACCEPTED = 0x0102_0304;
const TAG = named("tag", 16);
const nodeId = encodeBase32(named("node id", 32)) as NodeId;
const request = named("hop request", 1376);
const none = new Uint8Array(0);

/** `test/vectors/cells.json`. */
export function cellVectors(): unknown {
  return {
    about:
      `docs/spec/03-cells.md. ${NAMED} All hex. Every cell is 4101 bytes and every body 4096; \`start\` is the first 128 bytes ` +
      "of what stands before the zeros at its end, sha256 is over all of it. Fields are the bytes of their names: node id 32, " +
      "hop request 1376, hop reply 1280, descriptor 300, tag 16, chain 16, relay body 4096, data 4072; the OPEN is to service 2 " +
      "with data 63.",
    cells: {
      PADDING: cell(0, CELL_COMMAND.PADDING, none),
      "CREATE, keyed by the link": cell(DIALLED, CELL_COMMAND.CREATE, encodeCreateLinkKeyed()),
      "CREATE, onion": cell(DIALLED, CELL_COMMAND.CREATE, encodeCreateOnion(request)),
      CREATED: cell(ACCEPTED, CELL_COMMAND.CREATED, encodeCreated(named("hop reply", 1280))),
      RELAY: cell(ACCEPTED, CELL_COMMAND.RELAY, named("relay body", BODY_BYTES)),
      DESTROY: cell(DIALLED, CELL_COMMAND.DESTROY, none),
    },
    relayCells: {
      PADDING: relay(RELAY_COMMAND.PADDING, 0, 0, none),
      "PADDING, RATCHET": relay(RELAY_COMMAND.PADDING, RELAY_FLAG.RATCHET, 0, none),
      EXTEND: relay(RELAY_COMMAND.EXTEND, 0, 0, encodeExtend({ nodeId, request, descriptor: undefined })),
      "EXTEND, with a descriptor": relay(
        RELAY_COMMAND.EXTEND,
        0,
        0,
        encodeExtend({ nodeId, request, descriptor: named("descriptor", 300) }),
      ),
      EXTENDED: relay(RELAY_COMMAND.EXTENDED, 0, 0, encodeExtended(named("hop reply", 1280))),
      UNKNOWN: relay(RELAY_COMMAND.UNKNOWN, 0, 0, none),
      "OPEN, END": relay(RELAY_COMMAND.OPEN, RELAY_FLAG.END, 1, Uint8Array.of(2, ...named("data", 63))),
      DATA: relay(RELAY_COMMAND.DATA, 0, 0xffff_ffff, named("data", 4072)),
      "DATA, END": relay(RELAY_COMMAND.DATA, RELAY_FLAG.END, 1, none),
      "CREDIT of the circuit": relay(RELAY_COMMAND.CREDIT, 0, 0, named("chain", 16)),
      "CREDIT of a stream": relay(RELAY_COMMAND.CREDIT, 0, 7, named("chain", 16)),
      RESET: relay(RELAY_COMMAND.RESET, 0, 7, none),
      "PACKED: CREDIT of the circuit, OPEN with END, RESET": relay(
        RELAY_COMMAND.PACKED,
        0,
        0,
        encodePacked([
          { command: RELAY_COMMAND.CREDIT, flags: 0, streamId: 0, data: named("chain", 16) },
          {
            command: RELAY_COMMAND.OPEN,
            flags: RELAY_FLAG.END,
            streamId: 1,
            data: Uint8Array.of(2, ...named("data", 63)),
          },
          { command: RELAY_COMMAND.RESET, flags: 0, streamId: 7, data: none },
        ]),
      ),
    },
  };
}

function cell(circuit: number, command: CellCommand, body: Uint8Array) {
  const bytes = new Uint8Array(CELL_BYTES);
  writeCell(bytes, 0, circuit, command, body);
  return { circuit, ...view(bytes) };
}

function relay(command: number, flags: number, streamId: number, data: Uint8Array) {
  const body = new Uint8Array(BODY_BYTES);
  encodeRelayCell(body, { command, flags, streamId, data });
  body.set(TAG);
  return { command, flags, stream: streamId, length: data.length, ...view(body) };
}

/** Long ones by their hash alone. */
function view(bytes: Uint8Array) {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  const start = hex(bytes.subarray(0, Math.min(end, 128)));
  return { start, bytesBeforeZeros: end, sha256: sha256(bytes) };
}
