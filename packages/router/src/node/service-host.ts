import { concat, type ServiceId, type StreamId } from "@umbel/core";
import type { StreamEvent } from "../circuit/channel.ts";
import type { RelayCircuitInput } from "../circuit/relay-circuit.ts";
import { MAX_REQUESTS_IN_PROGRESS } from "../limits.ts";
import type { RequestOrigin, Service } from "./overlay.ts";
import type { Tap } from "./tap.ts";

interface Assembly {
  readonly serviceId: ServiceId;
  readonly service: Service;
  readonly chunks: Uint8Array[];
  size: number;
}

/** What a service host is made with. */
export interface ServiceHostOptions {
  /** Hands an input to a circuit of this node; circuits that are gone ignore it. */
  readonly toHop: (circuit: number, input: RelayCircuitInput) => void;
  readonly tap?: Tap | undefined;
}

/** Puts requests together from streams, runs the service, and sends the answer back. */
export class ServiceHost {
  readonly #options: ServiceHostOptions;
  readonly #services = new Map<number, Service>();
  readonly #assemblies = new Map<number, Map<StreamId, Assembly>>();
  #inProgress = 0;

  constructor(options: ServiceHostOptions) {
    this.#options = options;
  }

  /** Offers a service. One per id. */
  serve(id: ServiceId, service: Service): void {
    this.#services.set(id, service);
  }

  /** Takes news of a stream that somebody opened. */
  event(circuit: number, origin: RequestOrigin, event: StreamEvent): void {
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

  /** Drops what a circuit that ended has left unfinished. */
  circuitClosed(circuit: number): void {
    this.#inProgress -= this.#assemblies.get(circuit)?.size ?? 0;
    this.#assemblies.delete(circuit);
  }

  #opened(circuit: number, streamId: StreamId, serviceId: number): void {
    const service = this.#services.get(serviceId);
    if (service === undefined || this.#inProgress >= MAX_REQUESTS_IN_PROGRESS) {
      this.#options.toHop(circuit, { type: "reset", streamId });
      return;
    }
    let assemblies = this.#assemblies.get(circuit);
    if (assemblies === undefined) {
      assemblies = new Map();
      this.#assemblies.set(circuit, assemblies);
    }
    assemblies.set(streamId, { serviceId: serviceId as ServiceId, service, chunks: [], size: 0 });
    this.#inProgress += 1;
  }

  #data(circuit: number, origin: RequestOrigin, event: StreamEvent & { readonly type: "data" }): void {
    const { streamId, data, end } = event;
    const assembly = this.#assemblies.get(circuit)?.get(streamId);
    if (assembly === undefined) return;
    assembly.chunks.push(data);
    assembly.size += data.length;
    if (assembly.size > assembly.service.maxRequestBytes) {
      this.#take(circuit, streamId);
      this.#options.toHop(circuit, { type: "reset", streamId });
      return;
    }
    if (!end) {
      this.#options.toHop(circuit, { type: "consumed", streamId, cells: 1 });
      return;
    }
    this.#run(circuit, streamId, origin, assembly);
  }

  #run(circuit: number, streamId: StreamId, origin: RequestOrigin, assembly: Assembly): void {
    const payload = concat(...assembly.chunks);
    this.#options.tap?.({
      role: "service",
      service: assembly.serviceId,
      via: origin.via,
      peer: origin.via === "link" ? origin.peer : undefined,
      payload: payload.slice(),
    });
    const answer = async (): Promise<Uint8Array> => assembly.service.handle({ payload, origin });
    answer().then(
      (data) => this.#finish(circuit, { type: "write", streamId, data, end: true }),
      () => this.#finish(circuit, { type: "reset", streamId }),
    );
  }

  #finish(circuit: number, input: RelayCircuitInput & { readonly streamId: StreamId }): void {
    if (this.#take(circuit, input.streamId) !== undefined) this.#options.toHop(circuit, input);
  }

  #take(circuit: number, streamId: StreamId): Assembly | undefined {
    const assemblies = this.#assemblies.get(circuit);
    const assembly = assemblies?.get(streamId);
    if (assemblies === undefined || assembly === undefined) return undefined;
    assemblies.delete(streamId);
    if (assemblies.size === 0) this.#assemblies.delete(circuit);
    this.#inProgress -= 1;
    return assembly;
  }
}
