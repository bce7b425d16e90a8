import type { BlockId } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { REPAIR_MAX_SPARES } from "../../src/limits.ts";
import { createSpareItems } from "../../src/repair/spare-items.ts";

const item = (id: string | number, copy: 0 | 1 | 2 = 0) =>
  ({ kind: "block", id: `${id}` as BlockId, copy }) as const;
const entry = (id: string | number, ...copies: (0 | 1 | 2)[]) => ({ id: `${id}` as BlockId, copies });

/** The revision of the directory that walks went by. */
const DIRECTORY = 7;

describe("spare items", () => {
  it("are none before a walk, and none once the directory is another: who confirmed them may have left", () => {
    const spares = createSpareItems();
    spares.set(item("a"), true);
    expect(spares.has(entry("a", 0), DIRECTORY)).toBe(false);
    spares.endWalk(DIRECTORY);
    expect([DIRECTORY, DIRECTORY + 1].map((now) => spares.has(entry("a", 0), now))).toEqual([true, false]);
    spares.endWalk(DIRECTORY + 1);
    expect(spares.has(entry("a", 0), DIRECTORY + 1)).toBe(true);
  });

  it("are spare under every copy number that they are kept under", () => {
    const spares = createSpareItems();
    spares.endWalk(DIRECTORY);
    spares.set(item("a", 0), true);
    expect([spares.has(entry("a", 0), DIRECTORY), spares.has(entry("a", 0, 2), DIRECTORY)]).toEqual([
      true,
      false,
    ]);
    spares.set(item("a", 2), true);
    expect(spares.has(entry("a", 0, 2), DIRECTORY)).toBe(true);
    spares.set(item("a", 0), false);
    expect(spares.has(entry("a", 0, 2), DIRECTORY)).toBe(false);
  });

  it("have a revision that grows with a walk that found more or went by another directory, and only then", () => {
    const spares = createSpareItems();
    spares.set(item("a"), true);
    expect(spares.revision).toBe(0);
    spares.endWalk(DIRECTORY);
    expect(spares.revision).toBe(1);
    spares.set(item("a"), true);
    spares.set(item("b"), false);
    spares.endWalk(DIRECTORY);
    expect(spares.revision).toBe(1);
  });

  it(`are at most ${REPAIR_MAX_SPARES}`, () => {
    const spares = createSpareItems();
    spares.endWalk(DIRECTORY);
    for (let id = 0; id <= REPAIR_MAX_SPARES; id++) spares.set(item(id), true);
    expect(spares.has(entry(REPAIR_MAX_SPARES - 1, 0), DIRECTORY)).toBe(true);
    expect(spares.has(entry(REPAIR_MAX_SPARES, 0), DIRECTORY)).toBe(false);
    spares.set(item(0), false);
    spares.set(item(REPAIR_MAX_SPARES), true);
    expect(spares.has(entry(REPAIR_MAX_SPARES, 0), DIRECTORY)).toBe(true);
  });
});
