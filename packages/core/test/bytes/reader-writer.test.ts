import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Reader } from "../../src/bytes/reader.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { isUmbelError } from "../../src/errors.ts";

type Field =
  | { readonly type: "u8" | "u16" | "u32" | "u64"; readonly value: number }
  | { readonly type: "bytes"; readonly value: Uint8Array };

const WIDTH = { u8: 1, u16: 2, u32: 4, u64: 8 };
const field: fc.Arbitrary<Field> = fc.oneof(
  fc.record({ type: fc.constant("u8" as const), value: fc.nat(2 ** 8 - 1) }),
  fc.record({ type: fc.constant("u16" as const), value: fc.nat(2 ** 16 - 1) }),
  fc.record({ type: fc.constant("u32" as const), value: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }),
  fc.record({ type: fc.constant("u64" as const), value: fc.maxSafeNat() }),
  fc.record({ type: fc.constant("bytes" as const), value: fc.uint8Array({ maxLength: 40 }) }),
);

function write(fields: readonly Field[]): Uint8Array {
  const size = fields.reduce(
    (sum, { type, value }) => sum + (type === "bytes" ? value.length : WIDTH[type]),
    0,
  );
  const writer = new Writer(size);
  for (const each of fields) {
    if (each.type === "bytes") writer.bytes(each.value);
    else writer[each.type](each.value);
  }
  return writer.finish();
}

function read(bytes: Uint8Array, fields: readonly Field[]): Field[] {
  const reader = new Reader(bytes, "test");
  const result = fields.map(({ type, value }): Field => {
    if (type === "bytes") return { type, value: reader.bytes(value.length, "field").slice() };
    return { type, value: reader[type]("field") };
  });
  reader.finish();
  return result;
}

describe("reader and writer", () => {
  it("read back every sequence of fields, and nothing shorter or longer", () => {
    fc.assert(
      fc.property(fc.array(field, { minLength: 1, maxLength: 20 }), (fields) => {
        const bytes = write(fields);
        expect(read(bytes, fields)).toEqual(fields);
        expect(() => read(Uint8Array.of(...bytes, 0), fields)).toThrow("test.end: 1 byte too many");
        if (bytes.length > 0) expect(() => read(bytes.subarray(1), fields)).toThrow(/missing|2\^53/);
      }),
    );
  });

  it("write numbers big-endian", () => {
    const bytes = new Writer(15).u8(1).u16(0x0203).u32(0x04050607).u64(0x0008_0900_0000_0a0b).finish();
    expect([...bytes]).toEqual([1, 2, 3, 4, 5, 6, 7, 0, 8, 9, 0, 0, 0, 10, 11]);
  });

  it("names what is missing, and where", () => {
    const reader = new Reader(new Uint8Array(35).subarray(1), "descriptor");
    reader.bytes(33, "key");
    expect(() => reader.u16("port")).toThrow("descriptor.port: 1 byte missing at 34");
    expect(() => reader.bytes(9, "rest")).toThrow("descriptor.rest: 8 bytes missing at 34");
    expect(reader.remaining).toBe(1);
  });

  it("every fault of a reader is BAD_ENCODING", () => {
    const faults = [
      () => new Reader(new Uint8Array(0), "x").u8("a"),
      () => new Reader(new Uint8Array(8).fill(0xff), "x").u64("a"),
      () => new Reader(new Uint8Array(1), "x").finish(),
      () => new Reader(Uint8Array.of(0, 0, 1), "x").zeros("padding"),
    ];
    for (const fault of faults) {
      expect(fault).toThrow();
      try {
        fault();
      } catch (error) {
        expect(isUmbelError(error, "BAD_ENCODING")).toBe(true);
      }
    }
  });

  it("a u64 of 2^53 - 1 is read, 2^53 is refused", () => {
    const largest = new Writer(8).u64(Number.MAX_SAFE_INTEGER).finish();
    expect(new Reader(largest, "x").u64("a")).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => new Reader(Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0), "x").u64("a")).toThrow(
      "x.a: above 2^53 - 1",
    );
  });

  it("padding that is not zero is pointed at", () => {
    const reader = new Reader(Uint8Array.of(7, 0, 0, 1), "x");
    reader.u8("kind");
    expect(() => reader.zeros("padding")).toThrow("x.padding: not zero at 3");
  });

  it("a writer refuses numbers out of range, what does not fit, and to end early", () => {
    expect(() => new Writer(1).u8(256)).toThrow(RangeError);
    expect(() => new Writer(2).u16(-1)).toThrow(RangeError);
    expect(() => new Writer(4).u32(2 ** 32)).toThrow(RangeError);
    expect(() => new Writer(8).u64(2 ** 53)).toThrow(RangeError);
    expect(() => new Writer(8).u32(0.5)).toThrow(RangeError);
    expect(() => new Writer(1).u16(1)).toThrow(RangeError);
    expect(() => new Writer(2).u8(1).finish()).toThrow("1 bytes unwritten");
  });

  it("writes into an array that is given, and clears the rest", () => {
    const target = new Uint8Array(6).fill(9);
    new Writer(target.subarray(1)).u16(0x0102).zeros().finish();
    expect([...target]).toEqual([9, 1, 2, 0, 0, 0]);
  });
});
