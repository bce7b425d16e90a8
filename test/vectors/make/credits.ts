import {
  BODY_BYTES,
  type CryptoProvider,
  createLayer,
  createPlainLayer,
  decodePacked,
  encodeRelayCell,
  type LayerKeys,
  type OnionLayer,
  PLAIN_TAG,
  RELAY_COMMAND,
  RELAY_DATA_BYTES,
  RELAY_FLAG,
  SERVICE,
} from "@umbel/core";
import { Channel } from "../../../packages/router/src/circuit/channel.ts";
import { hex, NAMED, named } from "./sources.ts";

/** Past a ratchet, with the END on the last cell. */
const CELLS = 300;
const STREAM = 1;

/** `test/vectors/credits.json`: what a hop acknowledges to an originator that sends one long stream. */
export function creditVectors(crypto: CryptoProvider): unknown {
  return {
    about:
      `docs/spec/05-flow-control.md. ${NAMED} An originator sends ${CELLS} counted cells to a circuit's only hop on stream ` +
      `${STREAM}: OPEN to service 2 and DATA, END on the last; cell j (0, 1, ...) carries bytes(\`credit J\`, 4072), the OPEN ` +
      "one byte less behind the service. Every cell is consumed when it arrives. credits: the credits that the hop sends, " +
      "in order, with the number of cells that had arrived then. onion: forward key, tag, chain = bytes(`credit layer`, 64) cut " +
      "at 32 and 48. linkKeyed: the same over a circuit keyed by its link.",
    onion: creditsOver(() => createLayer(crypto, layerKeys())),
    linkKeyed: creditsOver(() => createPlainLayer(PLAIN_TAG)),
  };
}

function creditsOver(layer: () => OnionLayer) {
  const [sealing, opening] = [layer(), layer()];
  const hop = new Channel("hop");
  const credits: { stream: number; after: number; proof: string }[] = [];
  for (let cell = 0; cell < CELLS; cell++) {
    const body = new Uint8Array(BODY_BYTES);
    encodeRelayCell(body, messageOf(cell));
    sealing.stamp(body);
    sealing.seal(body);
    if (!opening.open(body)) throw new Error("a cell was not recognised");
    const events = hop.receive(messageOf(cell), () => opening.chain(), 0);
    if (events === "violation") throw new Error("a violation");
    for (const event of events) if (event.type === "data") hop.consumed(event.streamId, 1);
    for (let said = hop.next(); said !== undefined; said = hop.next()) {
      const { message } = said;
      const messages = message.command === RELAY_COMMAND.PACKED ? decodePacked(message.data) : [message];
      for (const { streamId, data } of messages)
        credits.push({ stream: streamId, after: cell + 1, proof: hex(data) });
    }
  }
  return credits;
}

function messageOf(cell: number) {
  const content = named(`credit ${cell}`, RELAY_DATA_BYTES);
  const flags = cell === CELLS - 1 ? RELAY_FLAG.END : 0;
  if (cell > 0) return { command: RELAY_COMMAND.DATA, flags, streamId: STREAM, data: content };
  const data = Uint8Array.of(SERVICE.BLOCKS, ...content.subarray(0, -1));
  return { command: RELAY_COMMAND.OPEN, flags, streamId: STREAM, data };
}

function layerKeys(): LayerKeys {
  const bytes = named("credit layer", 64);
  return { key: bytes.slice(0, 32), tag: bytes.slice(32, 48), chain: bytes.slice(48) };
}
