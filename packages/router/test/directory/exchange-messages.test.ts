import { compareBytes, isUmbelError, MAX_DESCRIPTOR_BYTES } from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type DirectoryRequest,
  decodeDirectoryRequest,
  decodeSyncResponse,
  encodeDirectoryRequest,
  encodeSyncResponse,
  type SyncAnswer,
  type SyncRange,
} from "../../src/directory/exchange-messages.ts";
import {
  MAX_DIRECTORY_REQUEST_BYTES,
  MAX_DIRECTORY_RESPONSE_BYTES,
  MAX_PUSH_DESCRIPTORS,
  MAX_RANGE_HASHES,
  MAX_SYNC_DESCRIPTOR_BYTES,
  MAX_SYNC_HASHES,
  MAX_SYNC_RANGES,
} from "../../src/limits.ts";

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const summary = fc.record({ count: fc.nat(), digest: hash });
const range = fc.array(fc.nat(15), { maxLength: 9 });
const hashes = fc
  .uniqueArray(hash, { maxLength: 8, selector: String })
  .map((list) => list.sort(compareBytes));
const syncRange: fc.Arbitrary<SyncRange> = fc.oneof(
  fc.record({ period: fc.nat(), range, form: fc.constant("summary" as const), summary }),
  fc.record({ period: fc.nat(), range, form: fc.constant("hashes" as const), hashes }),
);
const descriptors = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 5 });
const request: fc.Arbitrary<DirectoryRequest> = fc.oneof(
  fc.record({
    kind: fc.constant("sync" as const),
    ranges: fc.array(syncRange, { minLength: 1, maxLength: 6 }),
  }),
  fc.record({ kind: fc.constant("push" as const), descriptors }),
);
const zeros = (length: number): Uint8Array => new Uint8Array(length);
const numbered = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, at) => Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? at : 0)));
const whole: SyncRange = { period: 1, range: [], form: "hashes", hashes: [] };

describe("a directory request", () => {
  it("comes back from its bytes, and from no others", () => {
    fc.assert(
      fc.property(request, fc.uint8Array({ minLength: 1, maxLength: 3 }), (value, extra) => {
        const bytes = encodeDirectoryRequest(value);
        expect(decodeDirectoryRequest(bytes)).toEqual(value);
        expect(code(() => decodeDirectoryRequest(Uint8Array.of(...bytes, ...extra)))).toBe("BAD_ENCODING");
        expect(code(() => decodeDirectoryRequest(bytes.subarray(0, -1)))).toBe("BAD_ENCODING");
      }),
    );
  });

  it("is decoded canonically or not at all", () => {
    fc.assert(
      fc.property(request, fc.nat(), fc.nat(255), (value, at, byte) => {
        const bytes = encodeDirectoryRequest(value);
        bytes[at % bytes.length] = byte;
        const again = attempt(() => encodeDirectoryRequest(decodeDirectoryRequest(bytes)));
        if (again !== undefined) expect(again).toEqual(bytes);
      }),
    );
  });

  it.each<[string, number, DirectoryRequest]>([
    ["ranges", MAX_SYNC_RANGES, { kind: "sync", ranges: [] }],
    ["descriptors", MAX_PUSH_DESCRIPTORS, { kind: "push", descriptors: [] }],
  ])("carries 1 to the limit of %s, which is %i", (_, limit, empty) => {
    const of = (count: number): DirectoryRequest =>
      empty.kind === "sync"
        ? { kind: "sync", ranges: Array.from({ length: count }, () => whole) }
        : { kind: "push", descriptors: Array.from({ length: count }, () => zeros(MAX_DESCRIPTOR_BYTES)) };
    const outcome = (count: number) => code(() => decodeDirectoryRequest(encodeDirectoryRequest(of(count))));
    expect([0, 1, limit, limit + 1].map(outcome)).toEqual(["BAD_ENCODING", "fine", "fine", "BAD_ENCODING"]);
    expect(encodeDirectoryRequest(of(limit)).length).toBeLessThanOrEqual(MAX_DIRECTORY_REQUEST_BYTES);
  });

  it(`carries ${MAX_RANGE_HASHES} hashes for a range, ${MAX_SYNC_HASHES} in all, and not one more`, () => {
    const of = (...counts: readonly number[]) => {
      const ranges = counts.map(
        (count): SyncRange => ({ ...whole, form: "hashes", hashes: numbered(count) }),
      );
      return code(() => decodeDirectoryRequest(encodeDirectoryRequest({ kind: "sync", ranges })));
    };
    const full = Array<number>(MAX_SYNC_HASHES / MAX_RANGE_HASHES).fill(MAX_RANGE_HASHES);
    expect([of(MAX_RANGE_HASHES), of(MAX_RANGE_HASHES + 1)]).toEqual(["fine", "BAD_ENCODING"]);
    expect([of(...full), of(...full, 1)]).toEqual(["fine", "BAD_ENCODING"]);
  });

  it("is refused with hashes out of order or twice", () => {
    const [first, second] = numbered(2) as [Uint8Array, Uint8Array];
    for (const list of [
      [second, first],
      [first, first],
    ]) {
      const ranges: SyncRange[] = [{ ...whole, form: "hashes", hashes: list }];
      expect(code(() => decodeDirectoryRequest(encodeDirectoryRequest({ kind: "sync", ranges })))).toBe(
        "BAD_ENCODING",
      );
    }
  });
});

describe("a directory response", () => {
  const asked: SyncRange = { ...whole, form: "hashes", hashes: numbered(3) };
  const answer: fc.Arbitrary<SyncAnswer> = fc.oneof(
    fc.constantFrom<SyncAnswer>({ kind: "same" }, { kind: "later" }, { kind: "unheld" }),
    fc.record({
      kind: fc.constant("split" as const),
      parts: fc.array(summary, { minLength: 16, maxLength: 16 }),
    }),
    fc.record({
      kind: fc.constant("items" as const),
      wanted: fc.subarray([0, 1, 2]),
      descriptors: fc.oneof(descriptors, fc.constant([])),
    }),
  );

  it("comes back from its bytes, and is decoded canonically or not at all", () => {
    fc.assert(
      fc.property(
        fc.array(answer, { minLength: 1, maxLength: 5 }),
        fc.nat(),
        fc.nat(255),
        (answers, at, byte) => {
          const bytes = encodeSyncResponse(answers);
          const questions = answers.map(() => asked);
          expect(decodeSyncResponse(bytes, questions)).toEqual(answers);
          expect(code(() => decodeSyncResponse(bytes, [...questions, asked]))).toBe("BAD_ENCODING");
          bytes[at % bytes.length] = byte;
          const again = attempt(() => encodeSyncResponse(decodeSyncResponse(bytes, questions)));
          if (again !== undefined) expect(again).toEqual(bytes);
        },
      ),
    );
  });

  it.each<[string, SyncAnswer, SyncRange]>([
    [
      "items for a range asked by summary",
      { kind: "items", wanted: [], descriptors: [] },
      { period: 1, range: [], form: "summary", summary: { count: 0, digest: zeros(32) } },
    ],
    ["an index that was not asked", { kind: "items", wanted: [3], descriptors: [] }, asked],
    ["an index twice", { kind: "items", wanted: [1, 1], descriptors: [] }, asked],
    [
      "a split single id",
      { kind: "split", parts: Array.from({ length: 16 }, () => ({ count: 0, digest: zeros(32) })) },
      { ...asked, range: Array<number>(64).fill(0) },
    ],
    [
      "129 descriptors",
      { kind: "items", wanted: [], descriptors: Array.from({ length: 129 }, () => zeros(1)) },
      asked,
    ],
    [
      "a descriptor over the limit",
      { kind: "items", wanted: [], descriptors: [zeros(MAX_DESCRIPTOR_BYTES + 1)] },
      asked,
    ],
  ])("is refused with %s", (_, value, question) => {
    expect(code(() => decodeSyncResponse(encodeSyncResponse([value]), [question]))).toBe("BAD_ENCODING");
  });

  it("fits its limit at the fullest", () => {
    const splits = MAX_SYNC_RANGES * (1 + 16 * 36);
    const lists = MAX_SYNC_RANGES * 3 + MAX_SYNC_HASHES;
    expect(2 + splits + lists + MAX_SYNC_DESCRIPTOR_BYTES).toBeLessThanOrEqual(MAX_DIRECTORY_RESPONSE_BYTES);
  });
});

function attempt<Value>(run: () => Value): Value | undefined {
  try {
    return run();
  } catch (error) {
    if (isUmbelError(error, "BAD_ENCODING")) return undefined;
    throw error;
  }
}

function code(run: () => unknown): string {
  return attempt(() => [run()]) === undefined ? "BAD_ENCODING" : "fine";
}
