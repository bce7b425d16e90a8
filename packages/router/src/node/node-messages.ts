import type { Descriptor } from "@umbel/core";
import type { StreamEvent } from "../circuit/channel.ts";
import type { OriginCircuitEffect, OriginCircuitInput } from "../circuit/origin-circuit.ts";
import type { RelayCircuitInput } from "../circuit/relay-circuit.ts";
import type { HopOrigin } from "./circuit-end.ts";
import type { HopWork, HopWorkResult } from "./hop-responder.ts";
import type { DialTarget } from "./link-table.ts";

/** What reaches a node: its connections, its own commands, time. Connections and circuits go by numbers of `newNumber`. */
export type NodeInput =
  | { readonly type: "accepted"; readonly connection: number; readonly host: string }
  | ConnectionInput
  | {
      readonly type: "build";
      readonly circuit: number;
      readonly path: readonly Descriptor[];
      /** The bid for each hop; none when absent. */
      readonly bids?: readonly (Uint8Array | undefined)[];
    }
  | { readonly type: "build-direct"; readonly circuit: number; readonly target: DialTarget }
  | { readonly type: "origin"; readonly circuit: number; readonly input: OriginCircuitInput }
  | { readonly type: "hop"; readonly circuit: number; readonly input: RelayCircuitInput }
  /** What came of a "hop-work". */
  | { readonly type: "hop-worked"; readonly circuit: number; readonly result: HopWorkResult }
  | { readonly type: "close" }
  | { readonly type: "deadline" };

/** Bytes that come with an input and may have to wait. */
export function bytesOf(input: NodeInput): number {
  if (input.type === "message") return input.bytes.length;
  if (input.type === "hop" && input.input.type === "write") return input.input.data.length;
  if (input.type === "origin" && input.input.type === "open-stream") return input.input.data.length;
  return 0;
}

/** What a connection did, and "flush": the end of the turn has come. */
export type ConnectionInput =
  | { readonly type: "opened" | "blocked" | "drained" | "lost" | "flush"; readonly connection: number }
  | { readonly type: "message"; readonly connection: number; readonly bytes: Uint8Array };

/** What a node wants done, in order. */
export type NodeEffect =
  | { readonly type: "dial"; readonly connection: number; readonly url: string }
  | { readonly type: "send"; readonly connection: number; readonly bytes: Uint8Array }
  | { readonly type: "close"; readonly connection: number }
  /** Come back with a "flush" input at the end of this turn. */
  | { readonly type: "flush"; readonly connection: number }
  /** News of a circuit that this node built. */
  | { readonly type: "origin"; readonly circuit: number; readonly effect: OriginCircuitEffect }
  /** News of a stream that somebody opened to this node. */
  | {
      readonly type: "hop";
      readonly circuit: number;
      readonly origin: HopOrigin;
      readonly event: StreamEvent;
    }
  | { readonly type: "hop-closed"; readonly circuit: number }
  /** Work on a hop handshake, which may be done elsewhere and ends in one "hop-worked". */
  | { readonly type: "hop-work"; readonly circuit: number; readonly work: HopWork }
  /** A direct circuit runs over a link that should end: close it when its calls are done. */
  | { readonly type: "superseded"; readonly circuit: number }
  /** A guard does not grant the constant rate that this client wants. Its link has ended. */
  | { readonly type: "rate-refused" }
  /** Our own code failed on an input, a mistake of ours. What the input concerned has ended; the node goes on. */
  | { readonly type: "fault"; readonly error: unknown };
