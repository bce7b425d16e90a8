import { UmbelError } from "@umbel/core";
import type { Engine } from "./engine.ts";

/** The composition root: the only place where platforms, crypto provider, stores and networks are chosen. */
export const engine: Engine = {
  async startNode() {
    throw new UmbelError("INTERNAL", "the node is not wired yet");
  },
  async publishPath() {
    throw new UmbelError("INTERNAL", "publish is not wired yet");
  },
  async fetchReference() {
    throw new UmbelError("INTERNAL", "fetch is not wired yet");
  },
};
