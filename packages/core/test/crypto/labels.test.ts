import { describe, expect, it } from "vitest";
import { LABELS } from "../../src/crypto/labels.ts";

const labels = Object.entries(LABELS).map(([name, bytes]) => [name, String.fromCharCode(...bytes)] as const);

describe("the registry of labels", () => {
  it("holds no label that is a prefix of another, or twice the same", () => {
    expect(labels.length).toBeGreaterThan(0);
    for (const [name, label] of labels)
      for (const [otherName, other] of labels)
        if (name !== otherName) expect(other.startsWith(label), `${name} and ${otherName}`).toBe(false);
  });

  it.each(labels)(
    "writes %s as ASCII with the protocol's version in front and one zero byte, at the end",
    (_, label) => {
      expect(label).toMatch(/^umbel1 [ -~]+\0$/);
    },
  );
});
