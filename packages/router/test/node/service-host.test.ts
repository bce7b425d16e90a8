import { SERVICE, type StreamId } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { STREAM_WINDOW } from "../../src/circuit/credits.ts";
import type { RelayCircuitInput } from "../../src/circuit/relay-circuit.ts";
import { MAX_REQUESTS_IN_PROGRESS, MAX_STREAMS_PER_CIRCUIT } from "../../src/limits.ts";
import type { Service } from "../../src/node/overlay.ts";
import { ServiceHost } from "../../src/node/service-host.ts";

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const ORIGIN = { via: "circuit" } as const;

/** A host, and what it says to its circuits: [circuit, stream, "reset" | "write"]. */
function createHost(service: Partial<Service> = {}) {
  const said: [number, number, string][] = [];
  const consumed: number[] = [];
  const time = { now: 0 };
  const host = new ServiceHost({
    clock: { now: () => time.now, unixNow: () => time.now },
    toHop: (circuit, input: RelayCircuitInput) => {
      if (input.type === "consumed") consumed.push(input.cells);
      if (input.type === "reset" || input.type === "write") said.push([circuit, input.streamId, input.type]);
    },
  });
  host.serve(SERVICE.BLOCKS, { maxRequestBytes: 200_000, handle: ({ payload }) => payload, ...service });
  const open = (circuit: number, stream: number) =>
    host.event(circuit, ORIGIN, {
      type: "opened",
      streamId: stream as StreamId,
      service: SERVICE.BLOCKS,
    });
  const data = (circuit: number, stream: number, bytes: Uint8Array, end: boolean) =>
    host.event(circuit, ORIGIN, { type: "data", streamId: stream as StreamId, data: bytes, end });
  const request = (circuit: number, stream: number) => {
    open(circuit, stream);
    data(circuit, stream, Uint8Array.of(1), true);
  };
  return { host, said, consumed, time, open, data, request };
}

const place = (index: number): [number, number] => [
  Math.floor(index / MAX_STREAMS_PER_CIRCUIT),
  (index % MAX_STREAMS_PER_CIRCUIT) + 1,
];

describe("a service host", () => {
  it("says what the unfinished requests of a circuit hold, and since when", async () => {
    const { host, time, open, data } = createHost();
    open(1, 1);
    expect(host.collected(1)).toEqual({ bytes: 0, since: undefined });
    time.now = 5;
    open(1, 2);
    data(1, 2, new Uint8Array(100), false);
    time.now = 9;
    open(1, 3);
    data(1, 3, new Uint8Array(50), false);
    expect(host.collected(1)).toEqual({ bytes: 150, since: 5 });
    expect(host.collected(2)).toEqual({ bytes: 0, since: undefined });
    data(1, 2, new Uint8Array(1), true);
    expect(host.collected(1)).toEqual({ bytes: 50, since: 9 });
    host.circuitClosed(1);
    expect(host.collected(1)).toEqual({ bytes: 0, since: undefined });
    await settled();
  });

  it("puts a request together from as many single bytes as it may have", async () => {
    const lengths: number[] = [];
    const { open, data, said } = createHost({
      handle: ({ payload }) => {
        lengths.push(payload.length);
        return payload;
      },
    });
    open(1, 1);
    for (let i = 1; i < 200_000; i++) data(1, 1, Uint8Array.of(i), false);
    data(1, 1, Uint8Array.of(0), true);
    await settled();
    expect(lengths).toEqual([200_000]);
    expect(said).toEqual([[1, 1, "write"]]);
  });

  it("says that it consumed the cells of a request each time a credit is due, and not before", () => {
    const { open, data, consumed } = createHost();
    const { creditEvery } = STREAM_WINDOW;
    open(1, 1);
    for (let cell = 1; cell < 2 * creditEvery; cell++) data(1, 1, Uint8Array.of(cell), false);
    expect(consumed).toEqual([creditEvery]);
    data(1, 1, Uint8Array.of(0), false);
    expect(consumed).toEqual([creditEvery, creditEvery]);
  });

  it(`runs ${MAX_REQUESTS_IN_PROGRESS} requests at once and resets one more`, () => {
    const { request, said } = createHost({ handle: () => new Promise(() => {}) });
    for (let i = 0; i < MAX_REQUESTS_IN_PROGRESS; i++) request(...place(i));
    expect(said).toEqual([]);
    request(...place(MAX_REQUESTS_IN_PROGRESS));
    expect(said).toEqual([[...place(MAX_REQUESTS_IN_PROGRESS), "reset"]]);
  });

  it("requests that are never finished make room for new ones, oldest first", async () => {
    const { open, request, said } = createHost();
    for (let i = 0; i < MAX_REQUESTS_IN_PROGRESS; i++) open(...place(i));
    request(1000, 1);
    await settled();
    expect(said).toEqual([
      [...place(0), "reset"],
      [1000, 1, "write"],
    ]);
  });

  it.each(["reset", "circuit end"])("work that goes on after a %s still counts", async (how) => {
    const finish: (() => void)[] = [];
    const { host, request, said } = createHost({
      handle: () => new Promise((resolve) => finish.push(() => resolve(new Uint8Array(1)))),
    });
    for (let i = 0; i < MAX_REQUESTS_IN_PROGRESS; i++) {
      const [circuit, stream] = place(i);
      request(circuit, stream);
      if (how === "reset") host.event(circuit, ORIGIN, { type: "reset", streamId: stream as StreamId });
      else host.circuitClosed(circuit);
    }
    request(1000, 1);
    expect(said).toEqual([[1000, 1, "reset"]]);
    for (const one of finish) one();
    await settled();
    request(1000, 2);
    finish.at(-1)?.();
    await settled();
    expect(said.at(-1)).toEqual([1000, 2, "write"]);
  });

  it("gives the requests of one circuit one token, and those of another circuit another, for good", async () => {
    const tokens: unknown[] = [];
    const { host, request } = createHost({
      handle({ payload, origin }) {
        tokens.push(origin.via === "circuit" && origin.circuit);
        return payload;
      },
    });
    request(1, 1);
    request(1, 2);
    request(2, 1);
    host.circuitClosed(1);
    request(1, 1);
    await settled();
    expect(tokens[1]).toBe(tokens[0]);
    expect(new Set(tokens).size).toBe(3);
  });

  it("forgets what a reset or the end of a circuit left unfinished", () => {
    const { host, open, said } = createHost();
    for (let i = 0; i < 3 * MAX_REQUESTS_IN_PROGRESS; i++) {
      const [circuit, stream] = place(i);
      open(circuit, stream);
      if (i % 2 === 0) host.event(circuit, ORIGIN, { type: "reset", streamId: stream as StreamId });
      else host.circuitClosed(circuit);
    }
    for (let i = 0; i < MAX_REQUESTS_IN_PROGRESS; i++) open(...place(i));
    expect(said).toEqual([]);
  });

  it("a service that throws resets the stream and says nothing else", async () => {
    const { request, said } = createHost({
      handle: () => {
        throw new RangeError("secret");
      },
    });
    request(1, 1);
    await settled();
    expect(said).toEqual([[1, 1, "reset"]]);
  });

  it(`has ${MAX_STREAMS_PER_CIRCUIT} services at work for a circuit and resets one more, those of given up streams among them`, async () => {
    const answers: (() => void)[] = [];
    const handle = () => new Promise<Uint8Array>((resolve) => answers.push(() => resolve(new Uint8Array(1))));
    const { host, said, request } = createHost({ handle });
    for (let stream = 1; stream <= MAX_STREAMS_PER_CIRCUIT; stream++) {
      request(1, stream);
      host.event(1, ORIGIN, { type: "reset", streamId: stream as StreamId });
    }
    expect(answers).toHaveLength(MAX_STREAMS_PER_CIRCUIT);
    request(1, MAX_STREAMS_PER_CIRCUIT + 1);
    expect(said).toEqual([[1, MAX_STREAMS_PER_CIRCUIT + 1, "reset"]]);
    request(2, 1);
    answers[0]?.();
    await settled();
    request(1, MAX_STREAMS_PER_CIRCUIT + 2);
    expect(answers).toHaveLength(MAX_STREAMS_PER_CIRCUIT + 2);
  });
});
