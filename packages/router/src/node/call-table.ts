import {
  type AbortLike,
  type ErrorCode,
  RELAY_DATA_BYTES,
  type ServiceId,
  type StreamId,
  type Timer,
  type Timers,
  UmbelError,
} from "@umbel/core";
import { STREAM_WINDOW } from "../circuit/credits.ts";
import type { OriginCircuitEffect, OriginCircuitInput } from "../circuit/origin-circuit.ts";
import { SmallMap } from "../circuit/small-map.ts";
import { ByteCollector } from "./byte-collector.ts";
import type { CallOptions } from "./overlay.ts";

/** Responses are mostly as long as they may be, up to this: one storage block and its header. */
const EXPECTED_RESPONSE_BYTES = 8 * RELAY_DATA_BYTES;

/** Cells are reported as consumed when a credit is due, and not one by one. */
const CONSUMED_AT_ONCE = STREAM_WINDOW.creditEvery;

/** One request that is not answered yet. */
interface PendingCall {
  readonly circuit: number;
  readonly token: number;
  readonly bytes: ByteCollector;
  readonly timer: Timer;
  readonly signal: AbortLike | undefined;
  readonly onAbort: () => void;
  readonly resolve: (response: Uint8Array) => void;
  readonly reject: (error: UmbelError) => void;
  streamId: StreamId | undefined;
  /** True for a request that leaves whole with the opening of its stream. */
  readonly isOneCell: boolean;
  /** Cells of the response so far. */
  cells: number;
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
  readonly #byToken = new SmallMap<number, PendingCall>();
  /** The others, by circuit, until that is closed. */
  readonly #byStream = new Map<number, SmallMap<StreamId, PendingCall>>();
  #lastToken = 0;

  constructor(options: CallTableOptions) {
    this.#options = options;
  }

  /** Calls in flight on one circuit. */
  inFlight(circuit: number): number {
    let unnumbered = 0;
    for (const call of this.#byToken.values()) if (call.circuit === circuit) unnumbered += 1;
    return unnumbered + (this.#byStream.get(circuit)?.size ?? 0);
  }

  /** Opens a stream for `payload`. See `Circuit.call` for what it throws; LIMIT_REACHED also when the circuit has no stream left. */
  call(circuit: number, service: ServiceId, payload: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    const { timeout, maxResponseBytes, signal } = options;
    if (signal?.aborted) return Promise.reject(new UmbelError("ABORTED", "the request was cancelled"));
    return new Promise((resolve, reject) => {
      const token = ++this.#lastToken;
      const call: PendingCall = {
        circuit,
        token,
        bytes: new ByteCollector(maxResponseBytes, EXPECTED_RESPONSE_BYTES),
        timer: this.#options.timers.schedule(timeout, () => this.#giveUp(call, "TIMED_OUT")),
        signal,
        onAbort: () => this.#giveUp(call, "ABORTED"),
        resolve,
        reject,
        streamId: undefined,
        isOneCell: payload.length < RELAY_DATA_BYTES,
        cells: 0,
      };
      signal?.addEventListener("abort", call.onAbort);
      this.#byToken.set(token, call);
      this.#options.toOrigin(circuit, { type: "open-stream", token, service, data: payload, end: true });
    });
  }

  /** Takes news of a circuit that this node built. */
  event(circuit: number, effect: OriginCircuitEffect): void {
    if (effect.type === "stream-number") this.#numbered(circuit, effect.token, effect.streamId);
    else if (effect.type === "closed") this.fail(circuit, "CIRCUIT_CLOSED");
    else if (effect.type === "stream") {
      const { event } = effect;
      const call = this.#byStream.get(circuit)?.get(event.streamId);
      if (call === undefined) return;
      if (event.type === "data") this.#data(call, event.streamId, event.data, event.end);
      else this.#fail(call, "STREAM_CLOSED", "the far end gave the request up");
    }
  }

  /** Rejects every call of a circuit. */
  fail(circuit: number, code: ErrorCode): void {
    for (const call of this.#ofCircuit(circuit))
      this.#fail(call, code, "the circuit was closed before the response was whole");
    this.#byStream.delete(circuit);
  }

  #ofCircuit(circuit: number): PendingCall[] {
    const calls = [...(this.#byStream.get(circuit)?.values() ?? [])];
    for (const call of this.#byToken.values()) if (call.circuit === circuit) calls.push(call);
    return calls;
  }

  #numbered(circuit: number, token: number, streamId: StreamId | undefined): void {
    const call = this.#byToken.get(token);
    if (call === undefined) {
      if (streamId !== undefined) this.#options.toOrigin(circuit, { type: "reset", streamId });
      return;
    }
    if (streamId === undefined) {
      this.#fail(call, "LIMIT_REACHED", "the circuit has no stream left");
      return;
    }
    this.#byToken.delete(token);
    call.streamId = streamId;
    let calls = this.#byStream.get(circuit);
    if (calls === undefined) {
      calls = new SmallMap();
      this.#byStream.set(circuit, calls);
    }
    calls.set(streamId, call);
  }

  #data(call: PendingCall, streamId: StreamId, data: Uint8Array, end: boolean): void {
    const { circuit, bytes } = call;
    if (!bytes.append(data)) {
      this.#options.toOrigin(circuit, { type: "reset", streamId });
      this.#fail(call, "LIMIT_REACHED", "the response is longer than it may be");
    } else if (end) {
      // A request that was answered before it left whole must not keep its place.
      if (!call.isOneCell) this.#options.toOrigin(circuit, { type: "reset", streamId });
      if (this.#release(call)) call.resolve(bytes.take());
    } else if (++call.cells % CONSUMED_AT_ONCE === 0)
      this.#options.toOrigin(circuit, { type: "consumed", streamId, cells: CONSUMED_AT_ONCE });
  }

  #giveUp(call: PendingCall, code: "TIMED_OUT" | "ABORTED"): void {
    const { circuit, streamId } = call;
    if (streamId !== undefined) this.#options.toOrigin(circuit, { type: "reset", streamId });
    const text = code === "ABORTED" ? "the request was cancelled" : "no whole response in time";
    this.#fail(call, code, text);
  }

  #fail(call: PendingCall, code: ErrorCode, text: string): void {
    if (this.#release(call)) call.reject(new UmbelError(code, text));
  }

  /** Forgets a call. False when that was done before. */
  #release(call: PendingCall): boolean {
    const { circuit, streamId, signal } = call;
    const isHere =
      streamId === undefined
        ? this.#byToken.delete(call.token)
        : (this.#byStream.get(circuit)?.delete(streamId) ?? false);
    if (!isHere) return false;
    call.timer.cancel();
    signal?.removeEventListener("abort", call.onAbort);
    return true;
  }
}
