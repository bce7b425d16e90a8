import { concat, UmbelError } from "@umbel/core";
import type { AppendFile, StateFolder } from "./state-folder.ts";

/** A state folder that is gone with the process: for publishes that shall not be resumed, and for tests. */
export class MemoryStateFolder implements StateFolder {
  readonly files = new Map<string, Uint8Array>();
  readonly #locks = new Set<string>();

  async names(): Promise<readonly string[]> {
    return [...this.files.keys()];
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    return this.files.get(name)?.slice();
  }

  async write(name: string, content: Uint8Array): Promise<void> {
    this.files.set(name, content.slice());
  }

  async append(name: string): Promise<AppendFile> {
    const { files } = this;
    const content = () => files.get(name) ?? NOTHING;
    if (!files.has(name)) files.set(name, NOTHING);
    return {
      get size() {
        return content().length;
      },
      read: async (at, length) => content().slice(at, at + length),
      append: async (bytes) => void files.set(name, concat(content(), bytes)),
      truncate: async (size) => void files.set(name, content().slice(0, size)),
      sync: async () => {},
      close: async () => {},
    };
  }

  async erase(name: string): Promise<void> {
    this.files.get(name)?.fill(0);
    this.files.delete(name);
  }

  async remove(name: string): Promise<void> {
    this.files.delete(name);
  }

  async lock(name: string): Promise<() => Promise<void>> {
    if (this.#locks.has(name)) throw new UmbelError("IN_USE", "the job is being worked on");
    this.#locks.add(name);
    return async () => void this.#locks.delete(name);
  }
}

const NOTHING = new Uint8Array(0);
