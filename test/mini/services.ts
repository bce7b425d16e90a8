import { concat, isZero, toUint, uint, zeros } from "./bytes.ts";
import type { Circuit } from "./circuit.ts";
import { type MiniDescriptor, readDescriptor } from "./identity.ts";

const DIRECTORY = 1;
const BLOCKS = 2;
const BLOCK_BYTES = 32_512;

/** docs/spec/06-directory.md, Exchange: all descriptors that a node has of a period, as one that has none itself. */
export async function askDirectory(
  circuit: Circuit,
  network: Uint8Array,
  period: number,
): Promise<readonly MiniDescriptor[]> {
  const everything = concat(uint(period, 4), uint(0, 1));
  const noHashes = concat(uint(2, 1), uint(0, 1));
  const request = concat(uint(1, 1), uint(1, 1), uint(1, 1), everything, noHashes);
  const response = await circuit.call(DIRECTORY, request);
  const [version, answers, kind, wanted, count] = response;
  if (version !== 1 || answers !== 1 || kind !== 2 || wanted !== 0)
    throw new Error("not the answer to a SYNC");
  let at = 5;
  const descriptors = Array.from({ length: count! }, () => {
    const length = toUint(response.subarray(at, at + 2));
    at += 2 + length;
    return readDescriptor(response.slice(at - length, at), network);
  });
  if (at !== response.length) throw new Error("bytes after a response");
  return descriptors;
}

/** docs/spec/09-storage-network.md, Messages: the block, or undefined. */
export async function getBlock(circuit: Circuit, id: Uint8Array, copy = 0): Promise<Uint8Array | undefined> {
  const reply = await circuit.call(BLOCKS, header(1, copy, id));
  const isFound = reply[1] === 1;
  const block = reply.subarray(64);
  const valid = reply.length === 64 + BLOCK_BYTES && reply[0] === 1 && isZero(reply.subarray(2, 64));
  if (!valid || (!isFound && !isZero(reply.subarray(1)))) throw new Error("not a reply to GET");
  return isFound ? block : undefined;
}

/** How many holders confirmed. */
export async function putBlock(circuit: Circuit, id: Uint8Array, block: Uint8Array): Promise<number> {
  const reply = await circuit.call(BLOCKS, concat(header(2, 0, id), block));
  const valid = reply.length === 64 && reply[0] === 1 && isZero(reply.subarray(3));
  if (!valid || (reply[1] === 0) !== (reply[2] === 0)) throw new Error("not a reply to PUT");
  return reply[2]!;
}

function header(op: number, copy: number, id: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(1, op, copy, 0), id, zeros(27));
}
