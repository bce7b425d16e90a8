import type { Engine } from "./engine.ts";
import { fetchReference } from "./wiring/fetch.ts";
import { startNode } from "./wiring/node.ts";
import { publishPath } from "./wiring/publish.ts";

/** The composition root: the only place where platforms, crypto provider, stores and networks are chosen. See `wiring/`. */
export const engine: Engine = { startNode, publishPath, fetchReference };
