import { CELL_COMMAND } from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CellSlots, NO_SLOT } from "../../src/link/cell-slots.ts";

const { RELAY } = CELL_COMMAND;

describe("cell slots", () => {
  it("keep what was put in, and make lists in the order they are told", () => {
    const slots = new CellSlots();
    const first = slots.take(CELL_COMMAND.CREATE, Uint8Array.of(1), 10);
    const second = slots.take(RELAY, Uint8Array.of(2), 20);
    slots.link(first, second);
    expect([slots.command(first), slots.body(first)[0], slots.since(first)]).toEqual([
      CELL_COMMAND.CREATE,
      1,
      10,
    ]);
    expect([slots.next(first), slots.next(second), slots.used]).toEqual([second, NO_SLOT, 2]);
  });

  it("hand out each slot once, however many there are and whatever came back", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3, max: 5 }), { maxLength: 400 }), (steps) => {
        const slots = new CellSlots();
        const held = new Map<number, number>();
        let mark = 0;
        for (const step of steps) {
          for (let i = 0; i < step * 40; i++) {
            const slot = slots.take(RELAY, Uint8Array.of(0), ++mark);
            expect(held.has(slot)).toBe(false);
            held.set(slot, mark);
          }
          for (const slot of [...held.keys()].slice(0, Math.max(0, -step * 70))) {
            expect(slots.since(slot)).toBe(held.get(slot));
            slots.release(slot);
            held.delete(slot);
          }
          expect(slots.used).toBe(held.size);
        }
      }),
      { numRuns: 20 },
    );
  });

  it("let go of a body when its slot comes back", async () => {
    const slots = new CellSlots();
    const slot = slots.take(RELAY, new Uint8Array(8), 0);
    slots.release(slot);
    expect(slots.body(slot)).toBeUndefined();
  });
});
