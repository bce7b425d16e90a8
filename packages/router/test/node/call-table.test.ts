import { RELAY_DATA_BYTES, SERVICE, type StreamId } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import { STREAM_WINDOW } from "../../src/circuit/credits.ts";
import type { OriginCircuitInput } from "../../src/circuit/origin-circuit.ts";
import { CallTable } from "../../src/node/call-table.ts";

const CIRCUIT = 7;
const OPTIONS = { maxResponseBytes: 200_000, timeout: 1000 };
const STREAM = 1 as StreamId;

function createTable() {
  const clock = createVirtualClock();
  const inputs: OriginCircuitInput[] = [];
  const calls = new CallTable({ timers: clock, toOrigin: (_, input) => inputs.push(input) });
  const opened = () => {
    const last = inputs.findLast((input) => input.type === "open-stream");
    return last?.type === "open-stream" ? last.token : -1;
  };
  return {
    clock,
    calls,
    inputs,
    call: (request = new Uint8Array(1)) => calls.call(CIRCUIT, SERVICE.BLOCKS, request, OPTIONS),
    number: (streamId: StreamId | undefined = STREAM, token = opened()) =>
      calls.event(CIRCUIT, { type: "stream-number", token, streamId }),
    data: (data: Uint8Array, end: boolean) =>
      calls.event(CIRCUIT, { type: "stream", event: { type: "data", streamId: STREAM, data, end } }),
  };
}

describe("a call", () => {
  it("puts a response together from as many single bytes as it may have", async () => {
    const { call, number, data } = createTable();
    const response = call();
    number();
    for (let i = 1; i < 200_000; i++) data(Uint8Array.of(i), false);
    data(Uint8Array.of(5), true);
    expect((await response).length).toBe(200_000);
  });

  it("says that it consumed its cells each time a credit is due, and not before", () => {
    const { call, number, data, inputs } = createTable();
    void call();
    number();
    const { creditEvery } = STREAM_WINDOW;
    const consumed = () => inputs.flatMap((input) => (input.type === "consumed" ? [input.cells] : []));
    for (let cell = 1; cell < 2 * creditEvery; cell++) data(Uint8Array.of(cell), false);
    expect(consumed()).toEqual([creditEvery]);
    data(Uint8Array.of(0), false);
    expect(consumed()).toEqual([creditEvery, creditEvery]);
  });

  it("that was given up before its stream had a number resets the stream when it gets one", async () => {
    const { call, number, clock, inputs } = createTable();
    const response = call();
    response.catch(() => undefined);
    await clock.advance(1000);
    await expect(response).rejects.toMatchObject({ code: "TIMED_OUT" });
    number();
    expect(inputs.at(-1)).toEqual({ type: "reset", streamId: STREAM });
  });

  it("whose request left in one cell says nothing more once it is answered", async () => {
    const { call, number, data, inputs } = createTable();
    const response = call(new Uint8Array(RELAY_DATA_BYTES - 1));
    number();
    data(Uint8Array.of(1), true);
    await response;
    expect(inputs.map(({ type }) => type)).toEqual(["open-stream"]);
  });

  it("whose response ended before the request did resets the stream, so that it holds no place", async () => {
    const { call, number, data, inputs } = createTable();
    const response = call(new Uint8Array(RELAY_DATA_BYTES));
    number();
    data(Uint8Array.of(1), true);
    await response;
    expect(inputs.at(-1)).toEqual({ type: "reset", streamId: STREAM });
  });
});
