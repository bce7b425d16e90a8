import { describe, expect, it } from "vitest";
import { type DemoFacts, renderReport } from "../../src/demo/report.ts";

const plain = { bold: String, dim: String, green: String, cyan: String };
const facts: DemoFacts = {
  nodes: 8,
  startSeconds: 2.31,
  input: "sample-site",
  files: 6,
  bytes: 8 * 1024 * 1024,
  blocks: 268,
  copies: 816,
  reference: "umbel:file-abc",
  bootstrapAddresses: 3,
  publish: {
    seconds: 1.6,
    circuits: [
      ["n3", "n5", "n8"],
      ["n3", "n2", "n6"],
      ["n3", "n5", "n8"],
    ],
  },
  fetch: { seconds: 0.8, circuits: [["n10", "n4", "n7"]] },
  cpuSeconds: 2.4,
};

describe("the report", () => {
  it("tells sizes, times, rates, circuits and who could see what", () => {
    expect(renderReport(facts, plain).join("\n")).toMatchSnapshot();
  });

  it("names every guard once, in order of numbers", () => {
    expect(renderReport(facts, plain).find((line) => line.includes("guard"))).toMatch(/guard +n3 n10$/);
  });

  it("fits 80 columns but for the reference, also with many nodes", () => {
    const circuits = Array.from({ length: 64 }, (_, index) => [`n${index + 1}`, `n${64 - index}`, "n7"]);
    const lines = renderReport({ ...facts, fetch: { seconds: 1, circuits } }, plain);
    expect(lines.find((line) => line.includes("guard"))).toMatch(/ n12 and 52 more$/);
    for (const line of lines) expect(line.length).toBeLessThan(80);
  });

  it("leaves out what the system does not tell", () => {
    const text = renderReport({ ...facts, cpuSeconds: undefined }, plain).join("\n");
    expect(text).not.toContain("processor");
  });
});
