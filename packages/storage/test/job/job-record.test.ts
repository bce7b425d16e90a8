import { type BlockId, isUmbelError } from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeJson, encodeJson } from "../../src/job/ascii-json.ts";
import { decodeJobRecord, encodeJobRecord, type JobRecord } from "../../src/job/job-record.ts";

const key = "a".repeat(52);
const RECORD: JobRecord = {
  ...{
    id: "abcdefgh",
    created: 1,
    network: "local",
    secret: key,
    userSecret: key,
    phase: "holding",
    puts: 9,
  },
  source: {
    ...{ kind: "folder", path: "/home/\u00fc/\u{1f335}\u0000\ud800", name: "x", files: 2, bytes: 7 },
    ...{ fingerprint: key, hidden: true, keepTimes: true, keepTypes: false, pad: "padme" },
  },
  options: { receipt: true, spreadUntil: 5, revealAt: 6, rootId: key },
  content: {
    ...{ kind: "folder", rootId: key, rootNumber: 6, readKey: key, bytes: 7, files: 2, blocks: 7 },
    sample: [{ id: key as BlockId, number: 3, copy: 0, lane: "data" }],
  },
  endpoints: [key],
};

/** Every value inside a value, with how to change it. */
function* places(value: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    yield [...path, name];
    yield* places(inner, [...path, name]);
  }
}

function changed(path: readonly string[], to: unknown): Uint8Array {
  const record = structuredClone({ version: 1, ...RECORD }) as Record<string, unknown>;
  let at = record;
  for (const name of path.slice(0, -1)) at = at[name] as Record<string, unknown>;
  at[path.at(-1) as string] = to;
  return encodeJson(record);
}

describe("the record of a job", () => {
  it("comes back as it was", () => {
    expect(decodeJobRecord(encodeJobRecord(RECORD))).toEqual(RECORD);
  });

  it("is ASCII", () => {
    expect(encodeJobRecord(RECORD).every((byte) => byte < 0x80)).toBe(true);
  });

  it("with any field of another kind is refused", () => {
    for (const path of places(RECORD)) {
      for (const wrong of [null, {}, -1, 1.5, ["x"]]) {
        if (path[0] === "endpoints" && Array.isArray(wrong)) continue;
        expect(
          () => decodeJobRecord(changed(path, wrong)),
          `${path.join(".")} = ${JSON.stringify(wrong)}`,
        ).toThrow("a job file cannot be used");
      }
    }
  });

  it("of a newer umbel says so", () => {
    expect(() => decodeJobRecord(changed(["version"], 2))).toThrow("a newer umbel");
  });

  it("of any bytes is refused with BAD_CONFIG, and nothing else", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.json().map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        try {
          decodeJobRecord(new Uint8Array(input));
          return false;
        } catch (error) {
          return isUmbelError(error, "BAD_CONFIG");
        }
      }),
    );
  });
});

it("JSON in ASCII gives back any value", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(decodeJson(encodeJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});
