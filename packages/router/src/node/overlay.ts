import type { AbortLike, Millis, NodeId, ServiceId } from "@umbel/core";

declare const tokenBrand: unique symbol;
/** Tells the circuits that bring requests apart, for as long as the process lives, and says nothing else. */
export type CircuitToken = number & { readonly [tokenBrand]: true };

/** Where a request came from, as far as its receiver can know. */
export type RequestOrigin =
  /** Over onion layers: whoever built the circuit. */
  | { readonly via: "circuit"; readonly circuit: CircuitToken }
  /** Over a one-hop circuit keyed by its link: that link's peer, undefined for a client without identity. */
  | { readonly via: "link"; readonly peer: NodeId | undefined };

export interface ServiceRequest {
  /** The whole request, owned by the handler. */
  readonly payload: Uint8Array;
  readonly origin: RequestOrigin;
}

/** Answers one request. A throw or rejection resets the stream: the caller hears STREAM_CLOSED, no detail. */
export interface Service {
  /** A longer request resets the stream. */
  readonly maxRequestBytes: number;
  handle(request: ServiceRequest): Uint8Array | Promise<Uint8Array>;
}

export interface CallOptions {
  /** A longer response resets the stream and rejects with LIMIT_REACHED. */
  readonly maxResponseBytes: number;
  /** Rejects with TIMED_OUT and resets the stream when the response is not whole by then. */
  readonly timeout: Millis;
  readonly signal?: AbortLike | undefined;
}

/** A node known by address only: `ws://host:port`, with the node id that must answer there, if one is known. */
export interface BootstrapEntry {
  readonly url: string;
  readonly nodeId: NodeId | undefined;
}

/** Requests to a node over a one-hop circuit that is keyed by the link. */
export interface DirectCalls {
  /**
   * Sends `payload` to `service` of `peer` and returns the whole response.
   * Throws LINK_CLOSED, STREAM_CLOSED, TIMED_OUT, LIMIT_REACHED, ABORTED; NO_PATH when `peer` is not in the directory.
   */
  call(
    peer: NodeId | BootstrapEntry,
    service: ServiceId,
    payload: Uint8Array,
    options: CallOptions,
  ): Promise<Uint8Array>;
}

/** A circuit that this client built. */
export interface Circuit {
  /** Node ids from guard to endpoint. */
  readonly path: readonly NodeId[];
  /** False once the circuit was destroyed by anybody. */
  readonly isOpen: boolean;
  /** Requests whose response is not whole yet. */
  readonly callsInFlight: number;
  /** Sends `payload` to `service` of the endpoint. Throws CIRCUIT_CLOSED, STREAM_CLOSED, TIMED_OUT, LIMIT_REACHED, ABORTED. */
  call(service: ServiceId, payload: Uint8Array, options: CallOptions): Promise<Uint8Array>;
  /** Destroys the circuit; calls in flight reject with CIRCUIT_CLOSED. */
  close(): void;
}

/** What a circuit is for: circuits of different purposes are never shared. */
export interface CircuitPurpose {
  /** One publish, one fetch, one site: made by whoever starts the operation. */
  readonly operation: symbol;
  /** Root and index blocks travel on circuits that carry no data blocks. */
  readonly carries: "roots" | "data" | "directory";
}

export interface CircuitRequest {
  readonly purpose: CircuitPurpose;
  /** 3 to 6; when absent 3, or 4 over a second guard. */
  readonly hops?: number | undefined;
  /**
   * True for circuits that others can make this node build again and again, for long: publishing, repair, healing, the gateway. Their
   * second hop is one of few second guards, where the network is large enough (docs/spec/04-circuits.md, Second guards).
   */
  readonly secondGuard?: boolean | undefined;
  /** Endpoints that must not be chosen while another choice exists. */
  readonly avoidEndpoints?: ReadonlySet<NodeId> | undefined;
  readonly signal?: AbortLike | undefined;
}

/** Builds circuits for the client role. */
export interface CircuitBuilder {
  /**
   * A new open circuit for one purpose, over the first reachable guard. Failed builds are counted and tried again over
   * other middles and endpoints up to a cap. Throws NO_PATH, NETWORK_UNREACHABLE, CIRCUIT_CLOSED, ABORTED.
   */
  build(request: CircuitRequest): Promise<Circuit>;
}
