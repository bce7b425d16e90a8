import { MAX_RECORD_BYTES } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { MAX_SPARE_RECORDS } from "../../src/limits.ts";
import { giveBackRecord, takeRecord } from "../../src/transport/records.ts";

const taken = (count: number, length = MAX_RECORD_BYTES) =>
  Array.from({ length: count }, () => takeRecord(length));
const memories = (records: readonly Uint8Array[]) => new Set(records.map(({ buffer }) => buffer));

describe("the memory of records", () => {
  it("is as long as asked for, and shared with no other record", () => {
    for (const record of taken(MAX_SPARE_RECORDS)) giveBackRecord(record);
    for (const length of [4117, MAX_RECORD_BYTES / 2 + 1, MAX_RECORD_BYTES].map(Math.floor)) {
      const records = taken(MAX_SPARE_RECORDS + 1, length);
      expect(records.map((record) => record.length)).toEqual(records.map(() => length));
      expect(memories(records).size).toBe(MAX_SPARE_RECORDS + 1);
    }
  });

  it(`is used again, ${MAX_SPARE_RECORDS} of them and not one more`, () => {
    const records = taken(MAX_SPARE_RECORDS + 1);
    for (const record of records) giveBackRecord(record);
    const before = memories(records);
    const again = [...memories(taken(MAX_SPARE_RECORDS + 1))].filter((memory) => before.has(memory));
    expect(again).toHaveLength(MAX_SPARE_RECORDS);
  });

  it("is not used again when it is that of a short record, or of something else", () => {
    const short = takeRecord(4117);
    giveBackRecord(short);
    giveBackRecord(new Uint8Array(2 * MAX_RECORD_BYTES).subarray(0, MAX_RECORD_BYTES));
    for (const { buffer } of taken(2)) expect(buffer.byteLength).toBe(MAX_RECORD_BYTES);
    expect(memories(taken(2, 4117)).has(short.buffer)).toBe(false);
  });
});
