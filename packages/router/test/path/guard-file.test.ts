import {
  createNetwork,
  nobleProvider as crypto,
  LOCAL_NETWORK,
  MAIN_NETWORK,
  nodeIdBytes,
  toHex,
} from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BIAS_SCALE_CIRCUITS, MAX_SAMPLED_GUARDS, MAX_SECOND_GUARDS } from "../../src/limits.ts";
import {
  decodeGuardFile,
  encodeGuardFile,
  type GuardLists,
  type SampledGuard,
  type SecondGuard,
} from "../../src/path/guard-file.ts";
import { idOf } from "../support/known-nodes.ts";

const network = createNetwork(crypto, LOCAL_NETWORK);
const guards = (count: number): SampledGuard[] =>
  Array.from({ length: count }, (_, index) => ({
    nodeId: idOf(index),
    sampledDay: 20_000 + index,
    confirmedDay: index < 2 ? 20_010 + index : undefined,
    absentDay: index === 1 ? 20_020 : undefined,
    attempts: 7 * index,
    successes: 5 * index,
  }));
const seconds = (count: number): SecondGuard[] =>
  Array.from({ length: count }, (_, index) => ({ nodeId: idOf(50 + index), lastDay: 20_030 + index }));
const lists = (first: number, second: number): GuardLists => ({
  guards: guards(first),
  secondGuards: seconds(second),
});
const file = encodeGuardFile(crypto, network, lists(3, 2));
const decode = (bytes: Uint8Array) => decodeGuardFile(crypto, network, bytes);
const encode = (given: GuardLists) => encodeGuardFile(crypto, network, given);

/** Version 1, as umbel wrote it before there were samples: node ids and the day each was listed. */
function oldFile(days: readonly number[]): Uint8Array {
  const head = [...new TextEncoder().encode("umbel guards\n\0\0\0"), 0, 1, ...network.id, days.length];
  const entries = days.flatMap((day, index) => [
    ...nodeIdBytes(idOf(index)),
    ...[day >>> 24, (day >> 16) & 255, (day >> 8) & 255, day & 255],
  ]);
  const content = Uint8Array.from([...head, ...entries]);
  return Uint8Array.from([...content, ...crypto.sha256(content).subarray(0, 8)]);
}

/** The bytes with another content and a checksum that fits. */
function resealed(change: (content: Uint8Array) => Uint8Array): Uint8Array {
  const content = change(file.slice(0, -8));
  return Uint8Array.from([...content, ...crypto.sha256(content).subarray(0, 8)]);
}

function set(offset: number, value: number): Uint8Array {
  return resealed((content) => {
    content[offset] = value;
    return content;
  });
}

describe("the guard file", () => {
  it("gives back what was written, in order", () => {
    const day = fc.nat(0xffff_ffff);
    const guard = fc.record({
      index: fc.nat(0xffff),
      sampledDay: day,
      confirmedDay: fc.option(fc.integer({ min: 1, max: 0xffff_ffff }), { nil: undefined }),
      absentDay: fc.option(fc.integer({ min: 1, max: 0xffff_ffff }), { nil: undefined }),
      attempts: fc.nat(BIAS_SCALE_CIRCUITS),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const second = fc.record({ index: fc.nat(0xffff), lastDay: day });
    const selector = ({ index }: { readonly index: number }) => index;
    fc.assert(
      fc.property(
        fc.uniqueArray(guard, { selector, maxLength: MAX_SAMPLED_GUARDS }),
        fc.uniqueArray(second, { selector, maxLength: MAX_SECOND_GUARDS }),
        (entries, more) => {
          const sampled = entries.map(({ index, share, ...rest }) => ({
            nodeId: idOf(index),
            ...rest,
            successes: Math.floor(rest.attempts * share),
          }));
          const given = {
            guards: [
              ...sampled.filter(({ confirmedDay }) => confirmedDay !== undefined),
              ...sampled.filter(({ confirmedDay }) => confirmedDay === undefined),
            ],
            secondGuards: more.map(({ index, lastDay }) => ({ nodeId: idOf(index), lastDay })),
          };
          expect(decode(encode(given))).toEqual(given);
        },
      ),
    );
  });

  it("is frozen", () => {
    expect(file.length).toBe(16 + 2 + 32 + 1 + 3 * 48 + 1 + 2 * 36 + 8);
    expect(toHex(crypto.sha256(file))).toBe(
      "6df8d0c1e3a93e4955a975d3d24b48e394a5cc600bf31b0dd067da4abe7922f9",
    );
  });

  it("of version 1 is read: its guards keep their order and days, all as confirmed", () => {
    const known = { absentDay: undefined, attempts: 0, successes: 0 };
    expect(decode(oldFile([20_000, 20_007]))).toEqual({
      guards: [
        { nodeId: idOf(0), sampledDay: 20_000, confirmedDay: 20_000, ...known },
        { nodeId: idOf(1), sampledDay: 20_007, confirmedDay: 20_007, ...known },
      ],
      secondGuards: [],
    });
    expect(toHex(crypto.sha256(oldFile([20_000, 20_001, 20_002])))).toBe(
      "fb13c798a4c20a8c6094cd7d69820064812675e884b0fe1a356aa8a3245da3ba",
    );
  });

  it("of version 1 with a byte after its guards is refused", () => {
    const content = Uint8Array.from([...oldFile([20_000]).slice(0, -8), 0]);
    expectRefused(Uint8Array.from([...content, ...crypto.sha256(content).subarray(0, 8)]));
  });

  it("cut short anywhere is refused", () => {
    for (let length = 0; length < file.length; length++) expectRefused(file.subarray(0, length));
  });

  it("with any byte changed, or one more, is refused", () => {
    for (let at = 0; at < file.length; at++) {
      const changed = file.slice();
      changed[at]! ^= 1;
      expectRefused(changed);
    }
    expectRefused(Uint8Array.from([...file, 0]));
  });

  const [first, second, third] = guards(3) as [SampledGuard, SampledGuard, SampledGuard];
  it.each([
    [
      "of another kind",
      Uint8Array.from(file, (byte, at) => (at === 0 ? 0 : byte)),
      /not a guard file of umbel/,
    ],
    ["of a newer version", set(17, 3), /version 3 needs a newer umbel/],
    ["of version 0", set(17, 0), /damaged/],
    [
      "of another network",
      encodeGuardFile(crypto, createNetwork(crypto, MAIN_NETWORK), lists(3, 2)),
      /another network/,
    ],
    ["that counts more than it has", set(50, 4), /damaged/],
    ["that counts fewer than it has", set(50, 2), /damaged/],
    [
      "with a guard twice",
      encode({ ...lists(0, 0), guards: [first, second, second] }),
      /names a guard twice/,
    ],
    [
      "with a second guard twice",
      encode({ ...lists(0, 0), secondGuards: [...seconds(1), ...seconds(1)] }),
      /names a guard twice/,
    ],
    ["with a confirmed guard behind another", encode({ ...lists(0, 0), guards: [third, first] }), /damaged/],
    [
      "with more successes than attempts",
      encode({ ...lists(0, 0), guards: [{ ...first, attempts: 3, successes: 4 }] }),
      /damaged/,
    ],
    [
      "with a count past the cap",
      encode({ ...lists(0, 0), guards: [{ ...first, attempts: BIAS_SCALE_CIRCUITS + 1 }] }),
      /damaged/,
    ],
    ["of one guard too many", encode(lists(MAX_SAMPLED_GUARDS + 1, 0)), /damaged/],
    ["of one second guard too many", encode(lists(0, MAX_SECOND_GUARDS + 1)), /damaged/],
  ])("%s is refused with a line that says so", (_title, bytes, line) => {
    expectRefused(bytes, line);
  });

  it("takes as many guards as the lists hold", () => {
    const full = lists(MAX_SAMPLED_GUARDS, MAX_SECOND_GUARDS);
    expect(decode(encode(full))).toEqual(full);
  });
});

function expectRefused(bytes: Uint8Array, line: RegExp = /the guard file cannot be used/): void {
  expect(() => decode(bytes)).toThrowError(
    expect.objectContaining({ code: "BAD_CONFIG", message: expect.stringMatching(line) }),
  );
}
