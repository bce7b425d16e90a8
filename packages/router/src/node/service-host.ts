import type { Clock, Millis, ServiceId, StreamId } from "@umbel/core";
import type { StreamEvent, Waiting } from "../circuit/channel.ts";
import { STREAM_WINDOW } from "../circuit/credits.ts";
import type { RelayCircuitInput } from "../circuit/relay-circuit.ts";
import { SmallMap } from "../circuit/small-map.ts";
import { MAX_REQUESTS_IN_PROGRESS, MAX_STREAMS_PER_CIRCUIT } from "../limits.ts";
import { ByteCollector } from "./byte-collector.ts";
import type { HopOrigin } from "./circuit-end.ts";
import type { CircuitToken, Service, ServiceRequest } from "./overlay.ts";
import type { Tap } from "./tap.ts";

/** Cells are reported as consumed when a credit is due, and not one by one. */
const CONSUMED_AT_ONCE = STREAM_WINDOW.creditEvery;

interface Request {
  readonly circuit: number;
  readonly streamId: StreamId;
  readonly serviceId: ServiceId;
  readonly service: Service;
  readonly bytes: ByteCollector;
  readonly since: Millis;
  /** Cells that have come. */
  cells: number;
}

/** What a service host is made with. */
export interface ServiceHostOptions {
  /** Hands an input to a circuit of this node; circuits that are gone ignore it. */
  readonly toHop: (circuit: number, input: RelayCircuitInput) => void;
  readonly clock: Clock;
  readonly tap?: Tap | undefined;
}

/** Puts requests together from streams, runs the service, and sends the answer back. */
export class ServiceHost {
  readonly #options: ServiceHostOptions;
  readonly #services = new Map<number, Service>();
  /** Those whose answer is still wanted, by circuit, until that is closed. */
  readonly #requests = new Map<number, SmallMap<StreamId, Request>>();
  /** Those that are not whole yet, oldest first. */
  readonly #unfinished = new Set<Request>();
  /** Of circuits that brought a request. */
  readonly #tokens = new Map<number, CircuitToken>();
  #lastToken = 0;
  /** Services at work. One whose stream was given up works on, and counts. */
  #running = 0;
  /** The same, by circuit: else whoever opens streams and gives them up at once has any number of services at work. */
  readonly #runningOf = new Map<number, number>();

  constructor(options: ServiceHostOptions) {
    this.#options = options;
  }

  /** Offers a service. One per id. */
  serve(id: ServiceId, service: Service): void {
    this.#services.set(id, service);
  }

  /** Takes news of a stream that somebody opened. */
  event(circuit: number, origin: HopOrigin, event: StreamEvent): void {
    switch (event.type) {
      case "opened":
        this.#opened(circuit, event.streamId, event.service);
        break;
      case "data":
        this.#data(circuit, origin, event);
        break;
      case "reset":
        this.#take(circuit, event.streamId);
        break;
    }
  }

  /** What the unfinished requests of a circuit hold, and since when the oldest. */
  collected(circuit: number): Waiting {
    let bytes = 0;
    let since: Millis | undefined;
    for (const request of this.#requests.get(circuit)?.values() ?? []) {
      if (request.bytes.bytes === 0 || !this.#unfinished.has(request)) continue;
      bytes += request.bytes.bytes;
      since = Math.min(since ?? request.since, request.since);
    }
    return { bytes, since };
  }

  /** Drops what a circuit that ended has left unfinished. */
  circuitClosed(circuit: number): void {
    this.#tokens.delete(circuit);
    for (const request of this.#requests.get(circuit)?.values() ?? []) this.#unfinished.delete(request);
    this.#requests.delete(circuit);
  }

  #opened(circuit: number, streamId: StreamId, serviceId: number): void {
    const service = this.#services.get(serviceId);
    const isBusy = (this.#runningOf.get(circuit) ?? 0) >= MAX_STREAMS_PER_CIRCUIT;
    if (service === undefined || isBusy || !this.#makeRoom()) {
      this.#options.toHop(circuit, { type: "reset", streamId });
      return;
    }
    const request: Request = {
      circuit,
      streamId,
      serviceId: serviceId as ServiceId,
      service,
      bytes: new ByteCollector(service.maxRequestBytes),
      since: this.#options.clock.now(),
      cells: 0,
    };
    let requests = this.#requests.get(circuit);
    if (requests === undefined) {
      requests = new SmallMap();
      this.#requests.set(circuit, requests);
    }
    requests.set(streamId, request);
    this.#unfinished.add(request);
  }

  /** At the cap the oldest unfinished request goes: else whoever opens streams and says no more would hold all places. */
  #makeRoom(): boolean {
    if (this.#unfinished.size + this.#running < MAX_REQUESTS_IN_PROGRESS) return true;
    const [oldest] = this.#unfinished;
    if (oldest === undefined) return false;
    this.#giveUp(oldest);
    return true;
  }

  #data(circuit: number, origin: HopOrigin, event: StreamEvent & { readonly type: "data" }): void {
    const { streamId, data, end } = event;
    const request = this.#requests.get(circuit)?.get(streamId);
    if (request === undefined) return;
    if (!request.bytes.append(data)) this.#giveUp(request);
    else if (end) this.#run(request, origin);
    else if (++request.cells % CONSUMED_AT_ONCE === 0)
      this.#options.toHop(circuit, { type: "consumed", streamId, cells: CONSUMED_AT_ONCE });
  }

  #run(request: Request, origin: HopOrigin): void {
    const { circuit, streamId, serviceId, service } = request;
    const payload = request.bytes.take();
    this.#unfinished.delete(request);
    this.#options.tap?.({
      role: "service",
      service: serviceId,
      via: origin.via,
      peer: origin.via === "link" ? origin.peer : undefined,
      payload: payload.slice(),
    });
    this.#countRunning(circuit, 1);
    const told = origin.via === "link" ? origin : { via: origin.via, circuit: this.#tokenOf(circuit) };
    answerOf(service, { payload, origin: told }).then(
      (data) => this.#finish(circuit, { type: "write", streamId, data, end: true }),
      () => this.#finish(circuit, { type: "reset", streamId }),
    );
  }

  /** Numbers of circuits are used again, tokens never. */
  #tokenOf(circuit: number): CircuitToken {
    const token = this.#tokens.get(circuit) ?? (++this.#lastToken as CircuitToken);
    this.#tokens.set(circuit, token);
    return token;
  }

  #finish(circuit: number, input: RelayCircuitInput & { readonly streamId: StreamId }): void {
    this.#countRunning(circuit, -1);
    if (this.#take(circuit, input.streamId) !== undefined) this.#options.toHop(circuit, input);
  }

  #countRunning(circuit: number, more: number): void {
    this.#running += more;
    const running = (this.#runningOf.get(circuit) ?? 0) + more;
    if (running === 0) this.#runningOf.delete(circuit);
    else this.#runningOf.set(circuit, running);
  }

  #giveUp({ circuit, streamId }: Request): void {
    this.#take(circuit, streamId);
    this.#options.toHop(circuit, { type: "reset", streamId });
  }

  #take(circuit: number, streamId: StreamId): Request | undefined {
    const requests = this.#requests.get(circuit);
    const request = requests?.get(streamId);
    if (requests === undefined || request === undefined) return undefined;
    requests.delete(streamId);
    this.#unfinished.delete(request);
    return request;
  }
}

/** What a service says, as a promise also where it says it, or throws, at once. */
function answerOf(service: Service, request: ServiceRequest): Promise<Uint8Array> {
  try {
    return Promise.resolve(service.handle(request));
  } catch (error) {
    return Promise.reject(error);
  }
}
