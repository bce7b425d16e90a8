import { BODY_BYTES } from "@umbel/core";
import { MAX_SPARE_BODIES } from "../limits.ts";

/** Bodies whose cells were copied into a record. Making one costs several times as much as filling it. */
const spare: Uint8Array[] = [];

/** BODY_BYTES that nobody else has, with anything in them: for a cell that starts here, which is written whole. */
export function takeBody(): Uint8Array {
  return spare.pop() ?? new Uint8Array(BODY_BYTES);
}

/** The same bytes in memory of their own: `body` itself unless it is a view of something larger, like the record that it came in. */
export function ownBody(body: Uint8Array): Uint8Array {
  if (body.length === body.buffer.byteLength) return body;
  if (body.length !== BODY_BYTES) return body.slice();
  const own = takeBody();
  own.set(body);
  return own;
}

/** Takes over a body that nobody will look at again, for another cell. One that is a view of something larger is let go. */
export function giveBackBody(body: Uint8Array): void {
  if (spare.length === MAX_SPARE_BODIES || body.byteOffset !== 0 || body.length !== BODY_BYTES) return;
  if (body.buffer.byteLength === BODY_BYTES) spare.push(body);
}
