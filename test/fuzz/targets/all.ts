import type { FuzzTarget } from "../target.ts";
import { BUNDLE_TARGETS } from "./bundles.ts";
import { CELL_TARGETS } from "./cells.ts";
import { channel } from "./channel.ts";
import { DIRECTORY_TARGETS } from "./directory.ts";
import { FORMAT_TARGETS } from "./formats.ts";
import { HANDSHAKE_TARGETS } from "./handshakes.ts";
import { JOB_TARGETS } from "./jobs.ts";
import { link } from "./link.ts";
import { MESSAGE_TARGETS } from "./messages.ts";
import { node } from "./node.ts";
import { originCircuit } from "./origin-circuit.ts";
import { REFERENCE_TARGETS } from "./references.ts";
import { relayCircuit } from "./relay-circuit.ts";
import { SIGNED_TARGETS } from "./signed.ts";
import { SITE_TARGETS } from "./sites.ts";
import { TEXT_TARGETS } from "./texts.ts";

/** Every target. */
export const TARGETS: readonly FuzzTarget[] = [
  ...CELL_TARGETS,
  ...SIGNED_TARGETS,
  ...HANDSHAKE_TARGETS,
  ...MESSAGE_TARGETS,
  ...FORMAT_TARGETS,
  ...TEXT_TARGETS,
  ...REFERENCE_TARGETS,
  ...SITE_TARGETS,
  ...BUNDLE_TARGETS,
  ...DIRECTORY_TARGETS,
  ...JOB_TARGETS,
  link,
  relayCircuit,
  originCircuit,
  channel,
  node,
];
