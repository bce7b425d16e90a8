import { describe, expect, it } from "vitest";
import { NoiseHandshake } from "../../src/handshake/noise.ts";
import {
  isHybrid,
  messageOverhead,
  NOISE_PATTERNS,
  type NoisePattern,
} from "../../src/handshake/patterns.ts";
import { crypto, dhKeyPair, outcome, vectorRandom } from "./support.ts";

const random = vectorRandom("noise test");
const [ours, theirs] = [dhKeyPair(random), dhKeyPair(random)];
const prologue = Uint8Array.of(1, 2, 3);
const PATTERNS = Object.values(NOISE_PATTERNS) as readonly NoisePattern[];

function sides(pattern: NoisePattern) {
  const rs = pattern.responderKnown ? theirs.publicKey : undefined;
  const common = { crypto, random, pattern, prologue };
  return [
    new NoiseHandshake({ ...common, role: "initiator", s: ours, rs }),
    new NoiseHandshake({ ...common, role: "responder", s: theirs }),
  ] as const;
}

describe.each(PATTERNS.map((pattern) => [pattern.name, pattern] as const))(
  "the pattern %s",
  (_name, pattern) => {
    it("ends with the same keys on both sides, and with payloads of any length", () => {
      const both = sides(pattern);
      for (const index of pattern.messages.keys()) {
        const payload = random.bytes(index * 700);
        const message = both[index % 2]!.writeMessage(payload);
        expect(message).toHaveLength(payload.length + messageOverhead(pattern, index));
        expect(both[1 - (index % 2)]!.readMessage(message)).toEqual(payload);
      }
      const results = both.map((side) => side.split());
      expect(results[0]).toEqual(results[1]);
      expect(results[0]!.initiatorKey).not.toEqual(results[0]!.responderKey);
      expect(outcome(() => both[0].split())).toBe("HANDSHAKE_FAILED");
      expect(outcome(() => both[0].writeMessage(prologue))).toBe("HANDSHAKE_FAILED");
    });

    it("is spent after a message that does not verify", () => {
      const [initiator, responder] = sides(pattern);
      responder.readMessage(initiator.writeMessage(prologue));
      const second = responder.writeMessage(prologue);
      expect(outcome(() => initiator.readMessage(new Uint8Array(second.length)))).toBe("HANDSHAKE_FAILED");
      expect(outcome(() => initiator.readMessage(second))).toBe("HANDSHAKE_FAILED");
      expect(outcome(() => initiator.split())).toBe("HANDSHAKE_FAILED");
    });
  },
);

describe("the Noise engine", () => {
  it("adds to each hfs pattern one e1 and one ekem1, after the tokens that the extension names", () => {
    for (const name of ["XX", "XK", "NK"] as const) {
      expect(isHybrid(NOISE_PATTERNS[name])).toBe(false);
      const plain = NOISE_PATTERNS[name].messages as NoisePattern["messages"];
      const hybrid = plain.map((tokens, index) =>
        tokens.flatMap((token, at) => {
          if (index === 0 && at === tokens.length - 1) return [token, "e1"];
          return token === "ee" ? [token, "ekem1"] : [token];
        }),
      );
      expect(NOISE_PATTERNS[`${name}hfs`].messages).toEqual(hybrid);
    }
  });

  it("tells a caller that takes the wrong turn", () => {
    const [initiator, responder] = sides(NOISE_PATTERNS.XX);
    expect(() => initiator.readMessage(prologue)).toThrow(expect.objectContaining({ code: "INTERNAL" }));
    expect(() => responder.writeMessage(prologue)).toThrow(expect.objectContaining({ code: "INTERNAL" }));
    expect(() => initiator.split()).toThrow(expect.objectContaining({ code: "INTERNAL" }));
  });

  it("refuses to start without the key that the pattern needs", () => {
    const start = () =>
      new NoiseHandshake({ crypto, random, pattern: NOISE_PATTERNS.NK, role: "initiator", prologue });
    expect(start).toThrow(RangeError);
  });

  it("refuses a message of more than 65535 bytes, in either direction", () => {
    const [initiator, responder] = sides(NOISE_PATTERNS.XX);
    const longest = new Uint8Array(65535 - 32);
    expect(responder.readMessage(initiator.writeMessage(longest))).toEqual(longest);
    const others = sides(NOISE_PATTERNS.XX);
    expect(() => others[0].writeMessage(new Uint8Array(longest.length + 1))).toThrow(RangeError);
    expect(outcome(() => others[1].readMessage(new Uint8Array(65536)))).toBe("HANDSHAKE_FAILED");
  });

  it("wipes its ephemeral secrets when it ends", () => {
    const drawn: Uint8Array[] = [];
    const remembering = {
      bytes: (length: number) => {
        const bytes = random.bytes(length);
        drawn.push(bytes);
        return bytes;
      },
    };
    const pattern = NOISE_PATTERNS.XXhfs;
    const noise = new NoiseHandshake({
      crypto,
      random: remembering,
      pattern,
      role: "initiator",
      prologue,
      s: ours,
    });
    noise.writeMessage(prologue);
    noise.wipe();
    expect(drawn.map((bytes) => bytes.length)).toEqual([32, 64]);
    for (const bytes of drawn) expect(bytes.every((byte) => byte === 0)).toBe(true);
    expect(ours.secret.some((byte) => byte !== 0)).toBe(true);
  });
});
