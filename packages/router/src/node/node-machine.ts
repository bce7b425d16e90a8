import {
  CELL_COMMAND,
  type CellCommand,
  type CircuitId,
  type Descriptor,
  decodeCreate,
  encodeCreated,
  type HopKeys,
  type Millis,
  UmbelError,
} from "@umbel/core";
import { createHopLayers } from "../circuit/link-keyed.ts";
import { OriginCircuit, type OriginCircuitInput, type OriginPath } from "../circuit/origin-circuit.ts";
import type { RelayCircuitEffect, RelayCircuitInput } from "../circuit/relay-circuit.ts";
import { DEFAULT_QUEUE_BYTES, MAX_RELAYED_CIRCUITS } from "../limits.ts";
import type { Machine } from "../machine.ts";
import {
  createHopEnd,
  createOriginEnd,
  createPendingEnd,
  type End,
  type HopEnd,
  type HopEndNode,
  type HopOrigin,
  type Link,
  VIA_CIRCUIT,
} from "./circuit-end.ts";
import { DeadlineHeap } from "./deadline-heap.ts";
import { HopAnswers } from "./hop-answers.ts";
import { type DialTarget, dialTargetOf } from "./link-table.ts";
import { MemoryBound, type MemoryCounts } from "./memory-bound.ts";
import { earlier, NodeLinks } from "./node-links.ts";
import { bytesOf, type NodeEffect, type NodeInput } from "./node-messages.ts";
import type { NodeMachineOptions } from "./node-options.ts";

/**
 * A whole node without its IO: links, the circuits it relays and those it builds. Machines nest here; what one of them wants
 * reaches another only through this one.
 */
export class NodeMachine implements Machine<NodeInput, NodeEffect> {
  readonly #options: NodeMachineOptions;
  readonly #links: NodeLinks;
  readonly #circuits = new Map<number, End>();
  readonly #deadlines = new DeadlineHeap<End>();
  readonly #handshakes: HopAnswers;
  readonly #memory: MemoryBound;
  readonly #hopNode: HopEndNode;
  #effects: NodeEffect[] = [];
  #now: Millis = 0;
  #lastNumber = 0;

  constructor(options: NodeMachineOptions) {
    this.#options = options;
    this.#handshakes = new HopAnswers(options, {
      emit: (effect) => this.#effects.push(effect),
      refused: (circuit) => this.#giveUp(this.#circuits.get(circuit), true),
      answered: (circuit, answer) => this.#created(this.#circuits.get(circuit), answer),
    });
    this.#links = new NodeLinks(options, () => this.newNumber(), {
      emit: (effect) => this.#effects.push(effect),
      cell: (link, id, command, body) => this.#cell(link, id, command, body),
      lost: (link) => {
        for (const end of [...link.circuits.values()]) this.#toEnd(end, { type: "lost" });
      },
      superseded: (link) => this.#linkSuperseded(link),
      room: (end) => this.#guarded(end, "room"),
    });
    this.#hopNode = { nodeId: options.nodeId, links: this.#links };
    this.#memory = new MemoryBound(options.queueBytes ?? DEFAULT_QUEUE_BYTES, {
      links: this.#links,
      circuits: this.#circuits,
      collected: options.collected,
      endCircuit: (end) => this.#giveBack(end),
    });
  }

  /** A number for a connection or a circuit that nobody has had yet. */
  newNumber(): number {
    return ++this.#lastNumber;
  }

  /** Links in any state. */
  get linkCount(): number {
    return this.#links.size;
  }

  /** What the queues hold, and what was ended for it. */
  get memory(): MemoryCounts {
    return this.#memory.counts;
  }

  nextDeadline(): Millis | undefined {
    const ofCircuits = earlier(this.#deadlines.earliest, this.#handshakes.nextDeadline());
    return earlier(this.#links.nextDeadline(), ofCircuits);
  }

  handle(input: NodeInput, now: Millis): readonly NodeEffect[] {
    this.#now = now;
    this.#effects = [];
    this.#guard(
      () => {
        this.#accept(input, now);
        this.#memory.grew(bytesOf(input), now);
      },
      () => this.#end(input, now),
    );
    return this.#effects;
  }

  #accept(input: NodeInput, now: Millis): void {
    switch (input.type) {
      case "accepted":
        this.#links.accept(input.connection, input.host, now);
        break;
      case "build":
        this.#build(input.circuit, input.path, input.bids);
        break;
      case "build-direct":
        this.#buildOver(input.circuit, input.target, "link-keyed");
        break;
      case "origin":
        this.#command(input.circuit, input.input);
        break;
      case "hop":
        this.#toHop(this.#circuits.get(input.circuit), input.input);
        break;
      case "hop-worked":
        this.#handshakes.handle({ ...input, type: "worked" }, now);
        break;
      case "close":
        this.#links.close("all", now);
        break;
      case "deadline":
        this.#links.deadline(now);
        this.#handshakes.handle({ type: "deadline" }, now);
        for (const end of this.#deadlines.due(now)) this.#guarded(end, "deadline");
        break;
      default:
        this.#links.connection(input, now);
    }
  }

  /** Ends what an input concerned, after a fault in it. */
  #end(input: NodeInput, now: Millis): void {
    if ("connection" in input) this.#links.connection({ type: "lost", connection: input.connection }, now);
    else if ("circuit" in input) {
      const end = this.#circuits.get(input.circuit);
      if (end !== undefined) this.#toEnd(end, { type: "lost" });
      else if (input.type !== "hop" && input.type !== "hop-worked") this.#refuse(input.circuit);
    }
  }

  /** A mistake of ours ends what it concerns, and nothing else: no peer may end a node with it. */
  #guard(run: () => void, end: () => void): void {
    try {
      run();
    } catch (error) {
      this.#effects.push({ type: "fault", error });
      end();
    }
  }

  /** A fault of ours in a circuit whose turn it is ends that circuit, and neither the link nor what others are due. */
  #guarded(end: End, type: "room" | "deadline"): void {
    const giveUp = () => this.#toEnd(end, { type: "lost" });
    this.#guard(() => this.#toEnd(end, { type }), giveUp);
  }

  /** A circuit that there is not, or not any more. */
  #refuse(circuit: number): void {
    this.#effects.push({ type: "origin", circuit, effect: { type: "closed", hops: 0, tell: false } });
  }

  #linkSuperseded(link: Link): void {
    for (const { kind, circuit } of link.circuits.values())
      if (kind === "origin") this.#effects.push({ type: "superseded", circuit });
  }

  /** A fault of ours on one cell ends its circuit and not the link, which carries circuits of many. */
  #cell(link: Link, id: CircuitId, command: CellCommand, body: Uint8Array): void {
    try {
      this.#acceptCell(link, id, command, body);
    } catch (error) {
      this.#effects.push({ type: "fault", error });
      const end = link.circuits.get(id);
      if (end !== undefined) this.#toEnd(end, { type: "lost" });
      this.#links.sendDestroy(link, id, this.#now);
    }
  }

  #acceptCell(link: Link, id: CircuitId, command: CellCommand, body: Uint8Array): void {
    const end = link.circuits.get(id);
    if (end === undefined) {
      if (command === CELL_COMMAND.CREATE) this.#create(link, id, body);
      return;
    }
    if (end.kind === "origin") this.#toOrigin(end, { type: "cell", command, body });
    else if (end.kind === "pending") this.#giveUp(end, command !== CELL_COMMAND.DESTROY);
    else {
      const fromPrevious = end.previous.link === link && end.previous.id === id;
      this.#toHop(end, { type: fromPrevious ? "from-previous" : "from-next", command, body });
    }
  }

  #create(link: Link, id: CircuitId, body: Uint8Array): void {
    const hop = this.#options.hop;
    const may = hop === undefined ? "never" : this.#links.mayPeerOpen(link, id);
    if (hop === undefined || may === "never") {
      this.#links.close(link, this.#now);
      return;
    }
    if (may === "full" || this.#circuits.size >= MAX_RELAYED_CIRCUITS) {
      this.#links.sendDestroy(link, id, this.#now);
      return;
    }
    try {
      const create = decodeCreate(body);
      if (create.kind === "link-keyed") {
        const peer = link.peer?.kind === "node" ? link.peer.nodeId : undefined;
        this.#addHop(link, id, undefined, { via: "link", peer });
        return;
      }
      const circuit = this.newNumber();
      this.#enter(link, id, createPendingEnd(circuit, link, id));
      this.#handshakes.handle({ type: "request", circuit, source: link, request: create.request }, this.#now);
    } catch (error) {
      if (!(error instanceof UmbelError)) throw error;
      this.#links.sendDestroy(link, id, this.#now);
    }
  }

  #created(end: End | undefined, answer: { readonly keys: HopKeys; readonly reply: Uint8Array }): boolean {
    if (end?.kind !== "pending") return false;
    this.#circuits.delete(end.circuit);
    const hop = this.#addHop(end.previous.link, end.previous.id, answer.keys, VIA_CIRCUIT);
    this.#send(hop, hop.previous, CELL_COMMAND.CREATED, encodeCreated(answer.reply));
    return true;
  }

  #giveUp(end: End | undefined, tell: boolean): void {
    if (end?.kind !== "pending") return;
    if (tell) this.#links.sendDestroy(end.previous.link, end.previous.id, this.#now);
    this.#leave(end);
    this.#handshakes.handle({ type: "cancel", circuit: end.circuit }, this.#now);
  }

  #addHop(link: Link, id: CircuitId, keys: HopKeys | undefined, origin: HopOrigin): HopEnd {
    const layers = createHopLayers(this.#options.crypto, keys);
    const of = { circuit: this.newNumber(), origin, previous: { link, id }, ...layers };
    const end = createHopEnd(this.#hopNode, of);
    this.#enter(link, id, end);
    return end;
  }

  #build(circuit: number, path: readonly Descriptor[], bids: readonly (Uint8Array | undefined)[] = []): void {
    const first = path[0];
    if (first === undefined) throw new UmbelError("INTERNAL", "a circuit needs at least one hop");
    const network = this.#options.network.id;
    const hops = path.map(({ nodeId, hopKey, bytes }, index) => {
      return { network, nodeId, hopKey, descriptor: bytes, bid: bids[index] };
    });
    this.#buildOver(circuit, dialTargetOf(first), hops);
  }

  #buildOver(circuit: number, target: DialTarget, path: OriginPath): void {
    const { crypto, random } = this.#options;
    const link = this.#links.reachFirst(target, path !== "link-keyed", this.#now);
    const id = link === undefined ? undefined : this.#links.allocate(link);
    if (link === undefined || id === undefined) {
      this.#refuse(circuit);
      return;
    }
    const hasRoom = (taken: number): boolean => this.#links.hasRoom(link, id, end, taken);
    const awaitRoom = () => this.#links.awaitRoom(link, end);
    const machine = new OriginCircuit({ crypto, random, path, hasRoom, awaitRoom });
    const end = createOriginEnd(circuit, machine, link, id);
    this.#enter(link, id, end);
    this.#toOrigin(end, { type: "start" });
  }

  #enter(link: Link, id: CircuitId, end: End): void {
    this.#links.attach(link, id, end);
    this.#circuits.set(end.circuit, end);
  }

  /** A command for a circuit that is gone is answered as the circuit's end was. */
  #command(circuit: number, input: OriginCircuitInput): void {
    const end = this.#circuits.get(circuit);
    if (end !== undefined) this.#toOrigin(end, input);
    else if (input.type === "open-stream") this.#refuse(circuit);
  }

  #giveBack(end: End): void {
    if (end.kind === "origin") this.#toOrigin(end, { type: "close" });
    else this.#toEnd(end, { type: "lost" });
  }

  #toEnd(end: End, input: { readonly type: "lost" | "room" | "deadline" }): void {
    if (end.kind === "origin") this.#toOrigin(end, input);
    else if (end.kind === "hop") this.#toHop(end, input);
    else if (input.type === "lost") this.#giveUp(end, true);
  }

  #toOrigin(end: End | undefined, input: OriginCircuitInput): void {
    if (end?.kind !== "origin") return;
    const effects = end.machine.handle(input, this.#now);
    this.#deadlines.update(end);
    for (const effect of effects) {
      if (!this.#isHere(end)) return;
      if (effect.type === "cell") {
        const sent = this.#links.send(end.link, end.id, effect.command, effect.body, this.#now);
        if (!sent) this.#toOrigin(end, { type: "close" });
        continue;
      }
      if (effect.type === "closed") {
        if (effect.tell) this.#links.sendDestroy(end.link, end.id, this.#now);
        this.#leave(end);
      }
      this.#effects.push({ type: "origin", circuit: end.circuit, effect });
    }
  }

  #toHop(end: End | undefined, input: RelayCircuitInput): void {
    if (end?.kind !== "hop") return;
    const effects = end.machine.handle(input, this.#now);
    this.#deadlines.update(end);
    for (const effect of effects) {
      if (!this.#isHere(end)) return;
      this.#fromHop(end, effect);
    }
  }

  /** False once a circuit has ended, be it in the middle of its own effects. */
  #isHere(end: End): boolean {
    return this.#circuits.get(end.circuit) === end;
  }

  #fromHop(end: HopEnd, effect: RelayCircuitEffect): void {
    switch (effect.type) {
      case "to-previous":
        this.#send(end, end.previous, effect.command, effect.body);
        break;
      case "to-next":
        this.#tapPeeled(end, effect.body);
        this.#send(end, end.next, effect.command, effect.body);
        break;
      case "extend":
        this.#extend(end, effect);
        break;
      case "stream":
        this.#effects.push({ type: "hop", circuit: end.circuit, origin: end.origin, event: effect.event });
        break;
      case "destroyed":
        if (effect.tellPrevious) this.#links.sendDestroy(end.previous.link, end.previous.id, this.#now);
        if (effect.tellNext && end.next) this.#links.sendDestroy(end.next.link, end.next.id, this.#now);
        this.#leave(end);
        this.#effects.push({ type: "hop-closed", circuit: end.circuit });
        break;
    }
  }

  #tapPeeled(end: HopEnd, body: Uint8Array): void {
    const { connection } = end.previous.link;
    this.#options.tap?.({ role: "relay", kind: "peeled", connection, body: body.slice() });
  }

  #extend(end: HopEnd, effect: RelayCircuitEffect & { readonly type: "extend" }): void {
    const descriptor = this.#options.hop?.resolve(effect.nodeId, effect.descriptor);
    if (descriptor === undefined) {
      this.#toHop(end, effect.descriptor === undefined ? { type: "extend-unknown" } : { type: "lost" });
      return;
    }
    const link = this.#links.reach(dialTargetOf(descriptor), end.previous.link, this.#now);
    const id = link === undefined ? undefined : this.#links.allocate(link);
    if (link === undefined || id === undefined) {
      this.#toHop(end, { type: "lost" });
      return;
    }
    end.next = { link, id };
    this.#links.attach(link, id, end);
    this.#send(end, end.next, CELL_COMMAND.CREATE, effect.body);
  }

  #send(end: HopEnd, side: HopEnd["next"], command: CellCommand, body: Uint8Array): void {
    if (side === undefined || this.#links.send(side.link, side.id, command, body, this.#now)) return;
    this.#toHop(end, { type: "lost" });
  }

  #leave(end: End): void {
    this.#circuits.delete(end.circuit);
    this.#deadlines.remove(end);
    if (end.kind === "origin") {
      this.#links.detach(end.link, end.id, end, this.#now);
      return;
    }
    this.#links.detach(end.previous.link, end.previous.id, end, this.#now);
    if (end.kind === "hop" && end.next !== undefined)
      this.#links.detach(end.next.link, end.next.id, end, this.#now);
  }
}
