import { Reader } from "../../bytes/reader.ts";
import { Writer } from "../../bytes/writer.ts";
import { assertLength } from "../../crypto/suite.ts";
import { BODY_BYTES, HOP_REPLY_BYTES, HOP_REQUEST_BYTES } from "../geometry.ts";

/*
 * Bodies of CREATE and CREATED cells (docs/spec/03-cells.md, Opening a circuit):
 *
 *   CREATE   kind u8 = 0, link-keyed | zeros
 *            kind u8 = 1, onion | hop request | zeros
 *   CREATED  hop reply | zeros
 */
const KIND = { LINK_KEYED: 0, ONION: 1 } as const;

/** What a CREATE asks for: one hop that the link's own keys serve, or a hop with a handshake and layers. */
export type Create =
  | { readonly kind: "link-keyed" }
  /** `request`: message 1 of the hop handshake, HOP_REQUEST_BYTES, a view. */
  | { readonly kind: "onion"; readonly request: Uint8Array };

/** The body of a CREATE for a circuit that is keyed by its link. */
export function encodeCreateLinkKeyed(): Uint8Array {
  return new Writer(BODY_BYTES).u8(KIND.LINK_KEYED).zeros().finish();
}

/** The body of a CREATE that carries `request`, message 1 of the hop handshake. */
export function encodeCreateOnion(request: Uint8Array): Uint8Array {
  assertLength("hop request", request, HOP_REQUEST_BYTES);
  return new Writer(BODY_BYTES).u8(KIND.ONION).bytes(request).zeros().finish();
}

/** Reads the body of a CREATE. Throws BAD_ENCODING. */
export function decodeCreate(body: Uint8Array): Create {
  const reader = bodyReader(body, "create");
  const kind = reader.u8("kind");
  if (kind !== KIND.LINK_KEYED && kind !== KIND.ONION) throw reader.fault("kind", `unknown, ${kind}`);
  const create: Create =
    kind === KIND.LINK_KEYED
      ? { kind: "link-keyed" }
      : { kind: "onion", request: reader.bytes(HOP_REQUEST_BYTES, "request") };
  reader.zeros("padding");
  return create;
}

/** The body of a CREATED that carries `reply`, message 2 of the hop handshake. */
export function encodeCreated(reply: Uint8Array): Uint8Array {
  assertLength("hop reply", reply, HOP_REPLY_BYTES);
  return new Writer(BODY_BYTES).bytes(reply).zeros().finish();
}

/** The hop reply in the body of a CREATED, a view. Throws BAD_ENCODING. */
export function decodeCreated(body: Uint8Array): Uint8Array {
  const reader = bodyReader(body, "created");
  const reply = reader.bytes(HOP_REPLY_BYTES, "reply");
  reader.zeros("padding");
  return reply;
}

function bodyReader(body: Uint8Array, what: string): Reader {
  const reader = new Reader(body, what);
  if (body.length !== BODY_BYTES) throw reader.fault("length", `${body.length} bytes`);
  return reader;
}
