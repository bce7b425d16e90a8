import { AEAD_TAG_BYTES } from "../wire/geometry.ts";

/** A token of a Noise message pattern: revision 34, section 7, and the hfs extension, revision 1, section 4. */
export type NoiseToken = "e" | "s" | "ee" | "es" | "se" | "ss" | "e1" | "ekem1";

/** A Noise handshake pattern as data. The initiator sends the first message, then the sides take turns. */
export interface NoisePattern {
  /** As in the protocol name, e.g. "XKhfs". */
  readonly name: string;
  /** True when the initiator knows the responder's static key beforehand: pre-message `<- s`. */
  readonly responderKnown: boolean;
  readonly messages: readonly (readonly NoiseToken[])[];
}

/** The patterns of umbel's own protocols, with their plain forms, which public vectors exist for. */
export const NOISE_PATTERNS = {
  XX: { name: "XX", responderKnown: false, messages: [["e"], ["e", "ee", "s", "es"], ["s", "se"]] },
  XK: {
    name: "XK",
    responderKnown: true,
    messages: [
      ["e", "es"],
      ["e", "ee"],
      ["s", "se"],
    ],
  },
  NK: {
    name: "NK",
    responderKnown: true,
    messages: [
      ["e", "es"],
      ["e", "ee"],
    ],
  },
  XXhfs: {
    name: "XXhfs",
    responderKnown: false,
    messages: [
      ["e", "e1"],
      ["e", "ee", "ekem1", "s", "es"],
      ["s", "se"],
    ],
  },
  XKhfs: {
    name: "XKhfs",
    responderKnown: true,
    messages: [
      ["e", "es", "e1"],
      ["e", "ee", "ekem1"],
      ["s", "se"],
    ],
  },
  NKhfs: {
    name: "NKhfs",
    responderKnown: true,
    messages: [
      ["e", "es", "e1"],
      ["e", "ee", "ekem1"],
    ],
  },
} as const satisfies Readonly<Record<string, NoisePattern>>;

/** Bytes of what the public-key tokens put on the wire, without a tag. */
export const TOKEN_BYTES = { e: 32, s: 32, e1: 1184, ekem1: 1088 } as const;

/** True for a pattern of the hfs extension. */
export function isHybrid(pattern: NoisePattern): boolean {
  return pattern.messages.some((tokens) => tokens.includes("e1"));
}

/** Bytes that message `index` of `pattern` is longer than its payload: keys and tags. */
export function messageOverhead(pattern: NoisePattern, index: number): number {
  let keyed = false;
  let overhead = 0;
  for (const tokens of pattern.messages.slice(0, index + 1)) {
    overhead = 0;
    for (const token of tokens) {
      if (token === "e") overhead += TOKEN_BYTES.e;
      else if (token === "s" || token === "e1") overhead += TOKEN_BYTES[token] + (keyed ? AEAD_TAG_BYTES : 0);
      else {
        if (token === "ekem1") overhead += TOKEN_BYTES.ekem1 + (keyed ? AEAD_TAG_BYTES : 0);
        keyed = true;
      }
    }
    if (keyed) overhead += AEAD_TAG_BYTES;
  }
  return overhead;
}
