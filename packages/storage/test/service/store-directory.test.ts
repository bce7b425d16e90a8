import { createHash } from "node:crypto";
import type { NodeId } from "@umbel/core";
import { createHolderFinder, type StoreNode } from "@umbel/storage";
import { describe, expect, it } from "vitest";

const node = (name: string): StoreNode => ({
  id: name as NodeId,
  position: new Uint8Array(createHash("sha256").update(name).digest()),
});

describe("a holder finder", () => {
  it("gives the holders of the directory as it is now, and sorts it once for each revision", () => {
    const nodes = [node("a")];
    let revision = 1;
    let asked = 0;
    const findHolders = createHolderFinder({
      get revision() {
        return revision;
      },
      storeNodes() {
        asked++;
        return [...nodes];
      },
      isRelay: () => true,
    });
    const location = new Uint8Array(32);
    for (let time = 0; time < 5; time++) expect(findHolders(location).holders).toEqual(["a"]);
    expect(asked).toBe(1);
    nodes.push(node("b"));
    revision++;
    for (let time = 0; time < 5; time++)
      expect(new Set(findHolders(location).holders)).toEqual(new Set(["a", "b"]));
    expect(asked).toBe(2);
  });
});
