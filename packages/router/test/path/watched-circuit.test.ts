import { type NodeId, type ServiceId, UmbelError } from "@umbel/core";
import { describe, expect, it } from "vitest";
import type { Circuit } from "../../src/node/overlay.ts";
import { watchCircuit } from "../../src/path/watched-circuit.ts";

const OPTIONS = { maxResponseBytes: 1, timeout: 1 };
const SERVICE = 1 as ServiceId;

/** A circuit whose calls end as `outcomes` say, one after the other, and how often it was reported. */
function watched(outcomes: readonly ("answer" | ConstructorParameters<typeof UmbelError>[0])[]) {
  const left = [...outcomes];
  let closed = 0;
  let collapses = 0;
  const inner: Circuit = {
    path: ["guard" as NodeId],
    get isOpen() {
      return closed === 0;
    },
    callsInFlight: 7,
    async call() {
      const outcome = left.shift() ?? "answer";
      if (outcome === "answer") return Uint8Array.of(1);
      throw new UmbelError(outcome, "as the test says");
    },
    close() {
      closed += 1;
    },
  };
  const circuit = watchCircuit(inner, () => {
    collapses += 1;
  });
  const call = () => circuit.call(SERVICE, Uint8Array.of(), OPTIONS).catch(() => undefined);
  return { circuit, call, collapses: () => collapses, closed: () => closed };
}

describe("a circuit that was built", () => {
  it.each(["CIRCUIT_CLOSED", "TIMED_OUT"] as const)(
    "and ends with %s before any answer is reported once",
    async (code) => {
      const w = watched([code, code]);
      await w.call();
      await w.call();
      expect(w.collapses()).toBe(1);
    },
  );

  it("and ends after an answer is not reported", async () => {
    const w = watched(["answer", "CIRCUIT_CLOSED"]);
    await w.call();
    await w.call();
    expect(w.collapses()).toBe(0);
  });

  it("and was closed by its owner is not reported, and closes the real one", async () => {
    const w = watched(["CIRCUIT_CLOSED"]);
    w.circuit.close();
    await w.call();
    expect([w.collapses(), w.closed(), w.circuit.isOpen]).toEqual([0, 1, false]);
  });

  it.each(["STREAM_CLOSED", "ABORTED", "LIMIT_REACHED"] as const)(
    "and whose request ends with %s is not reported: that is the endpoint's or ours",
    async (code) => {
      const w = watched([code]);
      await w.call();
      expect(w.collapses()).toBe(0);
    },
  );

  it("looks as the real one does, and its errors come through", async () => {
    const w = watched(["TIMED_OUT"]);
    expect([w.circuit.path, w.circuit.isOpen, w.circuit.callsInFlight]).toEqual([["guard"], true, 7]);
    await expect(w.circuit.call(SERVICE, Uint8Array.of(), OPTIONS)).rejects.toMatchObject({
      code: "TIMED_OUT",
    });
  });
});
