import type { HopWork, HopWorkResult } from "../node/hop-responder.ts";

/** From the pool to a worker: the keys to answer with from now on, or one piece of work. */
export type ToHandshakeWorker =
  | {
      readonly type: "hop";
      readonly network: Uint8Array;
      readonly nodeId: string;
      /** Secrets, wiped by the worker once it has prepared them. */
      readonly hopKeys: readonly { readonly secret: Uint8Array; readonly publicKey: Uint8Array }[];
    }
  | {
      readonly type: "work";
      readonly id: number;
      readonly what: HopWork["what"];
      readonly request: Uint8Array;
    };

/** From a worker to the pool. */
export interface FromHandshakeWorker {
  readonly id: number;
  readonly result: HopWorkResult;
}

/** The memory of the keys in an answer: to be moved, not copied, since nobody could wipe the copies that stay behind. */
export function keyBuffers({ result }: FromHandshakeWorker): ArrayBuffer[] {
  if (result.type !== "answer") return [];
  return [result.keys.forward, result.keys.backward].flatMap(({ key, tag, chain }) =>
    [key, tag, chain].map((bytes) => bytes.buffer as ArrayBuffer),
  );
}
