import { readdirSync, readFileSync } from "node:fs";
import { nobleProvider } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { allVectors } from "./make/all.ts";

const frozen = readdirSync(new URL(".", import.meta.url)).filter((name) => name.endsWith(".json"));

/*
 * The vectors are frozen: a changed byte is a changed protocol. `npm run vectors` writes them anew. That they also follow from the
 * specification without our code is what test/mini/vectors.test.ts shows.
 */
describe.each([nobleProvider, nodeProvider])("the vectors made by $name", (crypto) => {
  const made = allVectors(crypto);

  it.each(frozen)("are byte for byte those of %s", (name) => {
    expect(made.get(name)).toBe(readFileSync(new URL(name, import.meta.url), "utf8"));
  });

  it("stand for every file of vectors", () => {
    expect([...made.keys()].sort()).toEqual(frozen.sort());
  });
});
