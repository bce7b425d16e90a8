import { CELL_COMMAND, type CircuitId, type LinkCredentials, type Millis } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import {
  type LinkEffect,
  type LinkInput,
  LinkMachine,
  type LinkMachineOptions,
} from "../../src/link/link-machine.ts";

const random = createSeededRandom("link pair");
const network = new Uint8Array(32).fill(7);

function keyPair() {
  const secret = random.bytes(32);
  return { secret, publicKey: nodeProvider.x25519.publicKey(secret) };
}

/** A node's credentials, or a client's, which has no identity. */
export function credentialsOf(kind: "node" | "client"): LinkCredentials {
  const seed = random.bytes(32);
  const identity = { seed, publicKey: nodeProvider.ed25519.publicKey(seed) };
  return { linkKey: keyPair(), identity: kind === "node" ? identity : undefined, features: 0 };
}

export function initiatorOf(options: Partial<LinkMachineOptions> = {}): LinkMachine {
  const role = { kind: "initiator", expected: {} } as const;
  const credentials = credentialsOf("client");
  return new LinkMachine({ crypto: nodeProvider, random, network, credentials, role, now: 0, ...options });
}

export function responderOf(options: Partial<LinkMachineOptions> = {}): LinkMachine {
  const role = { kind: "responder" } as const;
  const credentials = credentialsOf("node");
  return new LinkMachine({ crypto: nodeProvider, random, network, credentials, role, now: 0, ...options });
}

/** The messages among effects. */
export function sent(effects: readonly LinkEffect[]): Uint8Array[] {
  return effects.flatMap((effect) => (effect.type === "send" ? [effect.bytes] : []));
}

export function typesOf(effects: readonly LinkEffect[]): string[] {
  return effects.map(({ type }) => type);
}

/** Gives `to` every message among `effects`. */
export function deliver(to: LinkMachine, effects: readonly LinkEffect[], now: Millis = 0): LinkEffect[] {
  return sent(effects).flatMap((bytes) => [...to.handle({ type: "message", bytes }, now)]);
}

export interface LinkPair {
  readonly initiator: LinkMachine;
  readonly responder: LinkMachine;
}

/** Two links past their handshake. */
export function openPair(now: Millis = 0, options: Partial<LinkMachineOptions> = {}): LinkPair {
  const initiator = initiatorOf({ ...options, now });
  const responder = responderOf({ now });
  const second = deliver(responder, initiator.handle({ type: "opened" }, now), now);
  const third = deliver(initiator, second, now);
  deliver(responder, third, now);
  return { initiator, responder };
}

/** A RELAY cell whose body begins with `mark`. */
export function relayCell(circuit: number, mark = 0): LinkInput {
  const body = Uint8Array.of(mark >> 8, mark);
  return { type: "cell", circuitId: circuit as CircuitId, command: CELL_COMMAND.RELAY, body };
}
