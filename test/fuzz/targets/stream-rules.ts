import { RELAY_DATA_BYTES } from "@umbel/core";
import type { StreamEvent } from "../../../packages/router/src/circuit/channel.ts";
import { MAX_STREAMS_PER_CIRCUIT } from "../../../packages/router/src/limits.ts";
import { must } from "../target.ts";

/** What must hold between the stream events of one end of a circuit, whatever its peer says. */
export interface StreamRules {
  /** Streams that may still give data, in the order that they were opened. */
  readonly receiving: ReadonlySet<number>;
  /** This end opened a stream. */
  opened(streamId: number): void;
  event(event: StreamEvent): void;
  /** This end gave a stream up. */
  dropped(streamId: number): void;
}

export function createStreamRules(): StreamRules {
  const receiving = new Set<number>();
  const gone = new Set<number>();
  let last = 0;
  const opened = (streamId: number): void => {
    must(streamId > last && streamId <= 0xffff_ffff, "a stream number is not above the last one");
    last = streamId;
    receiving.add(streamId);
    must(receiving.size <= MAX_STREAMS_PER_CIRCUIT, "more streams than a circuit may have");
  };
  return {
    receiving,
    opened,
    event(event) {
      const { streamId } = event;
      if (event.type === "opened") {
        opened(streamId);
        must(event.service >= 0 && event.service <= 255, "a service is no byte");
        return;
      }
      must(!gone.has(streamId) && streamId <= last, "an event of a stream that is gone, or never was");
      if (event.type === "reset") {
        gone.add(streamId);
        receiving.delete(streamId);
        return;
      }
      must(receiving.has(streamId), "data behind the end of a stream");
      must(event.data.length <= RELAY_DATA_BYTES, "more data than one cell carries");
      if (event.end) receiving.delete(streamId);
    },
    dropped(streamId) {
      if (streamId > last) return;
      gone.add(streamId);
      receiving.delete(streamId);
    },
  };
}

/** A cell that an end of a circuit sealed, opened at the other end: what it must prove to be paid for. */
export interface CreditBook {
  /** Counts one cell of `streamId` whose layer has this chain value after it. */
  sealed(streamId: number, chain: () => Uint8Array): void;
  /** The next acknowledgement that is due: stream id 0 for the circuit's. */
  take(): { readonly streamId: number; readonly proof: Uint8Array } | undefined;
}

/** Circuit credits each 64 cells, stream credits each 32: docs/spec/05-flow-control.md. */
export function createCreditBook(): CreditBook {
  const due: { streamId: number; proof: Uint8Array }[] = [];
  const counts = new Map<number, number>();
  const count = (streamId: number, every: number, chain: () => Uint8Array): void => {
    const cells = (counts.get(streamId) ?? 0) + 1;
    counts.set(streamId, cells);
    if (cells % every === 0) due.push({ streamId, proof: chain() });
  };
  return {
    sealed(streamId, chain) {
      count(0, 64, chain);
      count(streamId, 32, chain);
    },
    take: () => due.shift(),
  };
}
