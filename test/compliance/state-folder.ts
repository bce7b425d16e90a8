import type { StateFolder } from "@umbel/storage";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

export interface OpenedStateFolder {
  readonly folder: StateFolder;
  /** Removes what it left. */
  dispose(): Promise<void>;
}

/** What every StateFolder keeps to. */
export function stateFolderCompliance(name: string, open: () => Promise<OpenedStateFolder>): void {
  describe(`${name} as a state folder`, () => {
    let opened: OpenedStateFolder;
    let folder: StateFolder;
    beforeEach(async () => {
      opened = await open();
      folder = opened.folder;
    });
    afterEach(() => opened.dispose());

    it("is empty at first, and has no file that nobody wrote", async () => {
      expect(await folder.names()).toEqual([]);
      expect(await folder.read("a")).toBeUndefined();
      await folder.erase("a");
      await folder.remove("a");
    });

    it("replaces files whole, and gives back copies", async () => {
      const bytes = Uint8Array.of(1, 2, 3);
      await folder.write("a", bytes);
      bytes.fill(9);
      await folder.write("b", Uint8Array.of());
      const read = await folder.read("a");
      expect(read).toEqual(Uint8Array.of(1, 2, 3));
      read?.fill(0);
      expect(await folder.read("a")).toEqual(Uint8Array.of(1, 2, 3));
      await folder.write("a", Uint8Array.of(4));
      expect(await folder.read("a")).toEqual(Uint8Array.of(4));
      expect([...(await folder.names())].sort()).toEqual(["a", "b"]);
    });

    it("appends, reads from anywhere, and cuts", async () => {
      const file = await folder.append("a");
      expect(file.size).toBe(0);
      await file.append(Uint8Array.of(1, 2, 3));
      await file.append(Uint8Array.of(4));
      await file.sync();
      expect(file.size).toBe(4);
      expect(await file.read(1, 2)).toEqual(Uint8Array.of(2, 3));
      expect(await file.read(3, 10)).toEqual(Uint8Array.of(4));
      expect((await file.read(9, 10)).length).toBe(0);
      await file.truncate(2);
      await file.append(Uint8Array.of(7));
      expect(await file.read(0, 10)).toEqual(Uint8Array.of(1, 2, 7));
      await file.close();
      const again = await folder.append("a");
      expect([again.size, await again.read(0, 9)]).toEqual([3, Uint8Array.of(1, 2, 7)]);
      await again.close();
      expect(await folder.read("a")).toEqual(Uint8Array.of(1, 2, 7));
    });

    it("erases and removes", async () => {
      await folder.write("a", Uint8Array.of(1));
      await folder.write("b", Uint8Array.of(1));
      await folder.erase("a");
      await folder.remove("b");
      expect(await folder.names()).toEqual([]);
    });

    it("lets one at a time work on a thing", async () => {
      const release = await folder.lock("a");
      await expect(folder.lock("a")).rejects.toMatchObject({ code: "IN_USE" });
      await (await folder.lock("b"))();
      await release();
      await (await folder.lock("a"))();
    });
  });
}
