import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteCollector } from "../../src/node/byte-collector.ts";

describe("a byte collector", () => {
  it("gives back what it was given, up to its length and not one byte more", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 }), (pieces) => {
        const whole = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
        const collector = new ByteCollector(whole.length);
        for (const piece of pieces) {
          const view = piece.slice();
          expect(collector.append(view)).toBe(true);
          view.fill(0xff);
        }
        expect(collector.append(Uint8Array.of(1))).toBe(false);
        expect(collector.append(new Uint8Array(0))).toBe(true);
        expect(collector.take()).toEqual(whole);
      }),
    );
  });

  it("keeps no more memory than twice what came, nor than its length", () => {
    const collector = new ByteCollector(1000);
    for (let i = 0; i < 600; i++) collector.append(Uint8Array.of(i));
    expect(collector.take().buffer.byteLength).toBe(600);
    collector.append(new Uint8Array(400));
    expect(collector.take().buffer.byteLength).toBe(1000);
  });
});
