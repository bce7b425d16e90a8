import { SERVICE, UmbelError } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import {
  DIRECT_IDLE_MS,
  MAX_DIRECT_CIRCUITS,
  MAX_STREAMS_PER_CIRCUIT,
  MAX_WAITING_DIRECT_CALLS,
} from "../../src/limits.ts";
import { DirectCircuits } from "../../src/node/direct-calls.ts";

const AT_ONCE = MAX_DIRECT_CIRCUITS * MAX_STREAMS_PER_CIRCUIT;
const OPTIONS = { maxResponseBytes: 10, timeout: 1000 };
const TARGET = { url: "ws://peer", nodeId: undefined, linkKey: undefined };

function createDirect() {
  const clock = createVirtualClock();
  const built: number[] = [];
  const closed: number[] = [];
  const running: { circuit: number; timeout: number; end: (error?: UmbelError) => void }[] = [];
  let lastNumber = 0;
  const direct = new DirectCircuits({
    timers: clock,
    clock,
    newNumber: () => ++lastNumber,
    build: (circuit: number) => built.push(circuit),
    close: (circuit: number) => {
      closed.push(circuit);
      direct.closed(circuit);
    },
    call: (circuit: number, _: unknown, __: unknown, { timeout }: { timeout: number }) =>
      new Promise<Uint8Array>((resolve, reject) => {
        const end = (error?: UmbelError) =>
          error === undefined ? resolve(new Uint8Array(1)) : reject(error);
        running.push({ circuit, timeout, end });
      }),
  });
  const call = (options: object = {}) =>
    direct.call(TARGET, SERVICE.HOLDER, new Uint8Array(0), { ...OPTIONS, ...options });
  return { clock, direct, built, closed, running, call };
}

/** A signal as the callers of this package have them. */
function createSignal() {
  const listeners = new Set<() => void>();
  return {
    listeners,
    aborted: false,
    addEventListener: (_: "abort", listener: () => void) => void listeners.add(listener),
    removeEventListener: (_: "abort", listener: () => void) => void listeners.delete(listener),
    abort() {
      this.aborted = true;
      for (const listener of [...listeners]) listener();
    },
  };
}

const settle = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

describe("direct circuits to one peer", () => {
  it(`there are ${MAX_DIRECT_CIRCUITS}, each full of streams; one call more waits for a free stream`, async () => {
    const { call, built, running } = createDirect();
    const calls = Array.from({ length: AT_ONCE + 1 }, () => call());
    await settle();
    expect([built.length, running.length]).toEqual([MAX_DIRECT_CIRCUITS, AT_ONCE]);
    running[70]?.end();
    await calls[70];
    await settle();
    expect([built.length, running.length]).toEqual([MAX_DIRECT_CIRCUITS, AT_ONCE + 1]);
    expect(running.at(-1)?.circuit).toBe(running[70]?.circuit);
  });

  it(`${MAX_WAITING_DIRECT_CALLS} calls wait, and one more is refused`, async () => {
    const { call } = createDirect();
    for (let i = 0; i < AT_ONCE + MAX_WAITING_DIRECT_CALLS; i++) void call().catch(() => undefined);
    await expect(call()).rejects.toMatchObject({ code: "LIMIT_REACHED" });
  });

  it("a call that waits is given up at its time, and what it waited belongs to that time", async () => {
    const { clock, call, running } = createDirect();
    for (let i = 0; i < AT_ONCE; i++) void call({ timeout: 60_000 });
    const early = call();
    const late = call({ timeout: 3000 });
    early.catch(() => undefined);
    late.catch(() => undefined);
    await clock.advance(1000);
    await expect(early).rejects.toMatchObject({ code: "TIMED_OUT" });
    running[0]?.end();
    await clock.settle();
    expect(running.length).toBe(AT_ONCE + 1);
    expect(running.at(-1)?.timeout).toBe(2000);
  });

  it("a call that waits is given up when its signal says so, and leaves its turn to the next", async () => {
    const { call, running } = createDirect();
    for (let i = 0; i < AT_ONCE; i++) void call();
    const signal = createSignal();
    const first = call({ signal });
    const second = call();
    await settle();
    signal.abort();
    await expect(first).rejects.toMatchObject({ code: "ABORTED" });
    expect(signal.listeners.size).toBe(0);
    running[0]?.end();
    await settle();
    expect(running.length).toBe(AT_ONCE + 1);
    running.at(-1)?.end();
    expect((await second).length).toBe(1);
  });

  it("calls that wait go on over new circuits when the old ones are gone", async () => {
    const { call, direct, built, running } = createDirect();
    const waiting = 40;
    const calls = Array.from({ length: AT_ONCE + waiting }, () => call().catch((error) => error.code));
    await settle();
    for (const circuit of [...built]) direct.closed(circuit);
    for (const one of running.slice(0, AT_ONCE)) one.end(new UmbelError("CIRCUIT_CLOSED", ""));
    await settle();
    expect(running.length).toBe(AT_ONCE + waiting);
    expect(new Set(running.slice(AT_ONCE).map((one) => one.circuit)).has(built[0] as number)).toBe(false);
    for (const one of running.slice(AT_ONCE)) one.end();
    const outcomes = await Promise.all(calls);
    expect(outcomes.filter((outcome) => outcome === "LINK_CLOSED").length).toBe(AT_ONCE);
  });

  it("a circuit without calls is closed after its time, and one with a call is not", async () => {
    const { clock, call, running, closed } = createDirect();
    const first = call();
    await settle();
    running[0]?.end();
    await first;
    await clock.advance(DIRECT_IDLE_MS - 1);
    const second = call();
    await clock.advance(2 * DIRECT_IDLE_MS);
    expect(closed).toEqual([]);
    running[1]?.end();
    await second;
    await clock.advance(DIRECT_IDLE_MS);
    expect(closed).toEqual([1]);
  });

  it("a circuit that should end takes no new calls and ends with its last one", async () => {
    const { call, direct, running, closed, built } = createDirect();
    const first = call();
    await settle();
    direct.retire(1);
    void call();
    await settle();
    expect(built).toEqual([1, 2]);
    running[0]?.end();
    await first;
    expect(closed).toEqual([1]);
  });
});
