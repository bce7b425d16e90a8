import { BLOCK_BYTES, type BlockId, type NodeId, SERVICE, UmbelError } from "@umbel/core";
import type { Circuit, CircuitBuilder, CircuitRequest } from "@umbel/router";
import { decodeBlockMessage, encodeGetReply, encodePutReply } from "@umbel/storage";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import type { VirtualClock } from "../../../../test/support/virtual-clock.ts";

/** How an endpoint treats a request. */
export type Behaviour = "serves" | "stalls" | "lies" | "resets" | "babbles" | "knows nothing" | "dies";

export interface FakeCircuit extends Circuit {
  readonly request: CircuitRequest;
  readonly endpoint: NodeId;
  /** The most calls that were in flight at once. */
  readonly peak: number;
  readonly calls: number;
  /** As if a relay on the way were killed. */
  die(): void;
}

export interface FakeOverlayOptions {
  readonly clock: VirtualClock;
  readonly endpoints?: number;
  readonly buildMs?: number;
  readonly callMs?: number;
  readonly seed?: string;
}

/** Circuits to endpoints that share one store of blocks; each endpoint's behaviour can be set. */
export function createFakeOverlay(options: FakeOverlayOptions) {
  const { clock, endpoints: count = 10, buildMs = 50, callMs = 20 } = options;
  const random = createSeededRandom(options.seed ?? "fake overlay");
  const endpoints = Array.from({ length: count }, (_, at) => `endpoint-${at}` as NodeId);
  const behaviours = new Map<NodeId, Behaviour>();
  const blocks = new Map<BlockId, Uint8Array>();
  const circuits: FakeCircuit[] = [];
  /** Confirmations each PUT gets from an endpoint; 3 where nothing else is said. */
  const confirmations = new Map<NodeId, number>();
  const builds = { failures: [] as (Error | undefined)[], started: 0 };
  const puts: { readonly endpoint: NodeId; readonly id: BlockId }[] = [];

  function handle(endpoint: NodeId, payload: Uint8Array): Uint8Array {
    const message = decodeBlockMessage(payload);
    if (message.op === "put" || message.op === "putSlot") {
      puts.push({ endpoint, id: message.id });
      blocks.set(message.id, (message.op === "put" ? message.block : message.slot).slice());
      return encodePutReply(confirmations.get(endpoint) ?? 3);
    }
    const block = blocks.get(message.id);
    const behaviour = behaviours.get(endpoint);
    if (behaviour === "lies") return encodeGetReply(new Uint8Array(BLOCK_BYTES).fill(7));
    return encodeGetReply(behaviour === "knows nothing" ? undefined : block);
  }

  function createCircuit(request: CircuitRequest, endpoint: NodeId): FakeCircuit {
    const inFlight = new Set<(error: Error) => void>();
    const state = { isOpen: true, peak: 0, calls: 0 };
    const die = () => {
      state.isOpen = false;
      for (const reject of [...inFlight]) reject(new UmbelError("CIRCUIT_CLOSED", "closed"));
    };
    const call: Circuit["call"] = (service, payload, { timeout, signal, maxResponseBytes }) =>
      new Promise((resolve, reject) => {
        if (service !== SERVICE.BLOCKS) throw new Error(`service ${service}`);
        if (!state.isOpen) throw new UmbelError("CIRCUIT_CLOSED", "closed");
        const end = (settle: () => void) => {
          if (!inFlight.delete(fail)) return;
          timer.cancel();
          settle();
        };
        const fail = (error: Error) => end(() => reject(error));
        const timer = clock.schedule(timeout, () => fail(new UmbelError("TIMED_OUT", "timed out")));
        signal?.addEventListener("abort", () => fail(new UmbelError("ABORTED", "aborted")));
        inFlight.add(fail);
        state.calls++;
        state.peak = Math.max(state.peak, inFlight.size);
        clock.schedule(callMs, () => {
          const behaviour = behaviours.get(endpoint);
          if (behaviour === "stalls") return;
          if (behaviour === "dies") return die();
          if (behaviour === "resets") return fail(new UmbelError("STREAM_CLOSED", "reset"));
          const reply = behaviour === "babbles" ? new Uint8Array(3) : handle(endpoint, payload);
          if (reply.length > maxResponseBytes) return fail(new UmbelError("LIMIT_REACHED", "too long"));
          end(() => resolve(reply));
        });
      });
    return {
      request,
      endpoint,
      path: ["guard" as NodeId, "middle" as NodeId, endpoint],
      get isOpen() {
        return state.isOpen;
      },
      get callsInFlight() {
        return inFlight.size;
      },
      get peak() {
        return state.peak;
      },
      get calls() {
        return state.calls;
      },
      call,
      close: die,
      die,
    };
  }

  const builder: CircuitBuilder = {
    build: (request) =>
      new Promise((resolve, reject) => {
        const failure = builds.failures[builds.started++];
        clock.schedule(buildMs, () => {
          if (failure !== undefined) return reject(failure);
          const allowed = endpoints.filter((one) => !request.avoidEndpoints?.has(one));
          const choice = allowed.length > 0 ? allowed : endpoints;
          const endpoint = choice[Math.floor(random.fraction() * choice.length)] as NodeId;
          const circuit = createCircuit(request, endpoint);
          circuits.push(circuit);
          resolve(circuit);
        });
      }),
  };
  const open = () => circuits.filter((circuit) => circuit.isOpen);
  const behaveAll = (behaviour: Behaviour) => {
    for (const endpoint of endpoints) behaviours.set(endpoint, behaviour);
  };
  return { builder, endpoints, behaviours, behaveAll, blocks, circuits, open, builds, confirmations, puts };
}
