import { createNetwork, MAIN_NETWORK } from "@umbel/core";
import { nodeProvider as crypto } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import {
  type DirectoryFile,
  decodeDirectoryFile,
  encodeDirectoryFile,
} from "../../src/directory/directory-file.ts";
import { MAX_DIRECTORY_FILE_BYTES, MAX_DIRECTORY_NODES } from "../../src/limits.ts";
import { describedNodes, NOON, network, PERIOD } from "../support/descriptors.ts";

const file: DirectoryFile = {
  origin: new Uint8Array(32).fill(7),
  savedAt: NOON,
  sets: [
    { period: PERIOD, descriptors: describedNodes(3).map(({ bytes }) => bytes) },
    { period: PERIOD + 1, descriptors: [] },
  ],
};
const encoded = encodeDirectoryFile(crypto, network, file);
const decode = (bytes: Uint8Array) => decodeDirectoryFile(crypto, network, bytes);

/** The content with `mask` laid over the byte at `at`, from the end when negative. */
function altered(content: Uint8Array, at: number, mask: number): Uint8Array {
  content[at < 0 ? content.length + at : at]! ^= mask;
  return content;
}

/** `bytes` with a checksum that fits: somebody wrote this on purpose. */
function resealed(bytes: Uint8Array, change: (content: Uint8Array) => Uint8Array): Uint8Array {
  const content = change(bytes.slice(0, -8));
  return new Uint8Array([...content, ...crypto.sha256(content).subarray(0, 8)]);
}

describe("the directory file", () => {
  it("gives back what was saved", () => {
    expect(decode(encoded)).toEqual(file);
    const one = { ...file, sets: file.sets.slice(0, 1) };
    expect(decode(encodeDirectoryFile(crypto, network, one))).toEqual(one);
  });

  it("is ignored when it was cut at any byte, or any bit of it changed", () => {
    for (let length = 0; length < encoded.length; length++) {
      expect(decode(encoded.subarray(0, length))).toBeUndefined();
      const changed = encoded.slice();
      changed[length]! ^= 1 << (length % 8);
      expect(decode(changed)).toBeUndefined();
    }
  });

  it("is ignored when it belongs to another network", () => {
    const other = createNetwork(crypto, MAIN_NETWORK);
    expect(decodeDirectoryFile(crypto, other, encoded)).toBeUndefined();
  });

  it.each<[string, (content: Uint8Array) => Uint8Array]>([
    ["another magic", (content) => altered(content, 0, 1)],
    ["a newer version", (content) => altered(content, 17, 3)],
    ["no set", (content) => altered(content, 90, 2)],
    ["three sets", (content) => altered(content, 90, 1)],
    ["sets that do not follow each other", (content) => altered(content, -5, 2)],
    ["a time beyond numbers", (content) => altered(content, 83, 0x1f)],
    ["a byte too many", (content) => new Uint8Array([...content, 0])],
    ["fewer bytes than it says", (content) => content.slice(0, -1)],
  ])("is ignored with %s, though its checksum fits", (_, change) => {
    expect(decode(resealed(encoded, (content) => content))).toEqual(file);
    expect(decode(resealed(encoded, change))).toBeUndefined();
  });

  it("holds a full directory, and is ignored with one descriptor more", () => {
    const of = (count: number) => {
      const descriptors = Array.from({ length: count }, () => Uint8Array.of(1));
      return encodeDirectoryFile(crypto, network, { ...file, sets: [{ period: PERIOD, descriptors }] });
    };
    expect(decode(of(MAX_DIRECTORY_NODES))?.sets[0]?.descriptors).toHaveLength(MAX_DIRECTORY_NODES);
    expect(decode(of(MAX_DIRECTORY_NODES + 1))).toBeUndefined();
  });

  it("has room for two periods of the largest descriptors, and is ignored when it is longer", () => {
    expect(MAX_DIRECTORY_FILE_BYTES).toBeGreaterThan(2 * MAX_DIRECTORY_NODES * (2 + 1024));
    const long = new Uint8Array(MAX_DIRECTORY_FILE_BYTES + 1);
    long.set(encoded);
    expect(decode(long)).toBeUndefined();
  });
});
