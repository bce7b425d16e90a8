import { describe, expect, it } from "vitest";
import * as geometry from "../../src/wire/geometry.ts";

const { BODY_BYTES, CELL_BYTES, MAX_RECORD_BYTES, RELAY_DATA_BYTES, RELAY_HEADER_BYTES } = geometry;

describe("geometry", () => {
  it("is what docs/spec/03-cells.md says, number by number", () => {
    expect({ ...geometry }).toEqual({
      CIRCUIT_ID_BYTES: 4,
      COMMAND_BYTES: 1,
      BODY_BYTES: 4096,
      CELL_BYTES: 4101,
      TAG_BYTES: 16,
      CHAIN_BYTES: 16,
      RATCHET_CELLS: 256,
      RELAY_HEADER_BYTES: 24,
      RELAY_DATA_BYTES: 4072,
      PACKED_HEADER_BYTES: 8,
      MIN_PACKED_MESSAGES: 2,
      MAX_PACKED_MESSAGES: 64,
      PACKED_MIN_BYTES: 16,
      AEAD_TAG_BYTES: 16,
      MAX_RECORD_CELLS: 15,
      MIN_RECORD_BYTES: 4117,
      MAX_RECORD_BYTES: 61_531,
      HANDSHAKE_MESSAGE_BYTES: 4117,
      BLOCK_CELLS: 8,
      BLOCK_HEADER_BYTES: 64,
      BLOCK_BYTES: 32_512,
      HOP_PAYLOAD_BYTES: 128,
      HOP_REQUEST_BYTES: 1376,
      HOP_REPLY_BYTES: 1280,
      MAX_DESCRIPTOR_BYTES: 1024,
      EXTEND_BYTES: 1410,
    });
  });

  it("a relay cell fills a body", () => {
    expect(RELAY_HEADER_BYTES + RELAY_DATA_BYTES).toBe(BODY_BYTES);
  });

  it("one more cell in a record would pass the longest Noise message", () => {
    expect(MAX_RECORD_BYTES).toBeLessThanOrEqual(65_535);
    expect(MAX_RECORD_BYTES + CELL_BYTES).toBeGreaterThan(65_535);
  });

  it("a block and its header fill their cells", () => {
    const { BLOCK_BYTES, BLOCK_CELLS, BLOCK_HEADER_BYTES } = geometry;
    expect(BLOCK_HEADER_BYTES + BLOCK_BYTES).toBe(BLOCK_CELLS * RELAY_DATA_BYTES);
  });

  it("every message for a hop is at most one cell", () => {
    expect(1 + geometry.HOP_REQUEST_BYTES).toBeLessThanOrEqual(BODY_BYTES);
    expect(geometry.HOP_REPLY_BYTES).toBeLessThanOrEqual(RELAY_DATA_BYTES);
    expect(geometry.EXTEND_BYTES + geometry.MAX_DESCRIPTOR_BYTES).toBeLessThanOrEqual(RELAY_DATA_BYTES);
  });
});
