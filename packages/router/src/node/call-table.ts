import {
  type ErrorCode,
  RELAY_DATA_BYTES,
  type ServiceId,
  type StreamId,
  type Timers,
  UmbelError,
} from "@umbel/core";
import type { OriginCircuitEffect, OriginCircuitInput } from "../circuit/origin-circuit.ts";
import { ByteCollector } from "./byte-collector.ts";
import type { CallOptions } from "./overlay.ts";

/** Responses are mostly as long as they may be, up to this: one storage block and its header. */
const EXPECTED_RESPONSE_BYTES = 8 * RELAY_DATA_BYTES;

interface PendingCall {
  readonly circuit: number;
  readonly bytes: ByteCollector;
  streamId: StreamId | undefined;
  readonly settle: (outcome: Uint8Array | UmbelError) => void;
}

/** What a call table is made with. */
export interface CallTableOptions {
  readonly timers: Timers;
  readonly toOrigin: (circuit: number, input: OriginCircuitInput) => void;
}

/** Requests of this node on circuits that it built: one stream each, settled by the whole response or by a fault. */
export class CallTable {
  readonly #options: CallTableOptions;
  /** Those whose stream has no number yet. */
  readonly #byToken = new Map<number, PendingCall>();
  readonly #byCircuit = new Map<number, Set<PendingCall>>();
  #lastToken = 0;

  constructor(options: CallTableOptions) {
    this.#options = options;
  }

  /** Calls in flight on one circuit. */
  inFlight(circuit: number): number {
    return this.#byCircuit.get(circuit)?.size ?? 0;
  }

  /** Opens a stream for `payload`. See `Circuit.call` for what it throws; LIMIT_REACHED also when the circuit has no stream left. */
  call(circuit: number, service: ServiceId, payload: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    if (options.signal?.aborted)
      return Promise.reject(new UmbelError("ABORTED", "the request was cancelled"));
    return new Promise((resolve, reject) => {
      const token = ++this.#lastToken;
      const timer = this.#options.timers.schedule(options.timeout, () => this.#giveUp(call, "TIMED_OUT"));
      const onAbort = (): void => this.#giveUp(call, "ABORTED");
      const release = (): void => {
        timer.cancel();
        options.signal?.removeEventListener("abort", onAbort);
        this.#byToken.delete(token);
      };
      const call = this.#newCall(circuit, options, release, resolve, reject);
      options.signal?.addEventListener("abort", onAbort);
      this.#byToken.set(token, call);
      this.#options.toOrigin(circuit, { type: "open-stream", token, service, data: payload, end: true });
    });
  }

  /** Takes news of a circuit that this node built. */
  event(circuit: number, effect: OriginCircuitEffect): void {
    if (effect.type === "stream-number") this.#numbered(circuit, effect.token, effect.streamId);
    else if (effect.type === "closed") this.fail(circuit, "CIRCUIT_CLOSED");
    else if (effect.type === "stream") {
      const call = this.#find(circuit, effect.event.streamId);
      if (call === undefined) return;
      if (effect.event.type === "data") this.#data(call, effect.event.data, effect.event.end);
      else call.settle(new UmbelError("STREAM_CLOSED", "the far end gave the request up"));
    }
  }

  /** Rejects every call of a circuit. */
  fail(circuit: number, code: ErrorCode): void {
    for (const call of [...(this.#byCircuit.get(circuit) ?? [])]) {
      call.settle(new UmbelError(code, "the circuit was closed before the response was whole"));
    }
  }

  #newCall(
    circuit: number,
    options: CallOptions,
    release: () => void,
    resolve: (data: Uint8Array) => void,
    reject: (error: UmbelError) => void,
  ): PendingCall {
    let calls = this.#byCircuit.get(circuit);
    if (calls === undefined) {
      calls = new Set();
      this.#byCircuit.set(circuit, calls);
    }
    const held = calls;
    const call: PendingCall = {
      circuit,
      bytes: new ByteCollector(options.maxResponseBytes, EXPECTED_RESPONSE_BYTES),
      streamId: undefined,
      settle: (outcome) => {
        if (!held.delete(call)) return;
        if (held.size === 0 && this.#byCircuit.get(circuit) === held) this.#byCircuit.delete(circuit);
        release();
        if (outcome instanceof UmbelError) reject(outcome);
        else resolve(outcome);
      },
    };
    held.add(call);
    return call;
  }

  #numbered(circuit: number, token: number, streamId: StreamId | undefined): void {
    const call = this.#byToken.get(token);
    this.#byToken.delete(token);
    if (streamId === undefined)
      call?.settle(new UmbelError("LIMIT_REACHED", "the circuit has no stream left"));
    else if (call !== undefined) call.streamId = streamId;
    else this.#options.toOrigin(circuit, { type: "reset", streamId });
  }

  #data(call: PendingCall, data: Uint8Array, end: boolean): void {
    const streamId = call.streamId as StreamId;
    if (!call.bytes.append(data)) {
      this.#options.toOrigin(call.circuit, { type: "reset", streamId });
      call.settle(new UmbelError("LIMIT_REACHED", "the response is longer than it may be"));
    } else if (end) {
      // Of no effect after a whole request; one that was answered early must not keep its place.
      this.#options.toOrigin(call.circuit, { type: "reset", streamId });
      call.settle(call.bytes.take());
    } else this.#options.toOrigin(call.circuit, { type: "consumed", streamId, cells: 1 });
  }

  #giveUp(call: PendingCall, code: "TIMED_OUT" | "ABORTED"): void {
    if (call.streamId !== undefined)
      this.#options.toOrigin(call.circuit, { type: "reset", streamId: call.streamId });
    const text = code === "ABORTED" ? "the request was cancelled" : "no whole response in time";
    call.settle(new UmbelError(code, text));
  }

  #find(circuit: number, streamId: StreamId): PendingCall | undefined {
    for (const call of this.#byCircuit.get(circuit) ?? []) if (call.streamId === streamId) return call;
    return undefined;
  }
}
