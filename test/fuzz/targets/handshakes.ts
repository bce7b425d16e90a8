import {
  concat,
  createTransportCipher,
  equalBytes,
  initiateHop,
  initiateLink,
  type LinkHandshake,
  readHopBid,
  respondHop,
  respondLink,
} from "@umbel/core";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { decodedOrRefused, type FuzzTarget, must } from "../target.ts";
import { crypto, idOf, keysOf, network, noise } from "./fixed.ts";

const REFUSED = ["HANDSHAKE_FAILED"] as const;
/** Longer than any input. */
const NOTHING_HONEST = new Uint8Array(10_000);
const [client, node] = [keysOf(0), keysOf(1)];
const random = (label: string) => createSeededRandom(`fuzz handshake ${label}`);
const hop = { network: network.id, nodeId: idOf(node), hopKeys: [node.hopKey] };

const initiatedHop = () => initiateHop(crypto, random("hop"), { ...hop, hopKey: node.hopKey.publicKey });
const respondedHop = (request: Uint8Array) => respondHop(crypto, random("hop answer"), hop, request);

/** Input: 0 | a request to a hop, or 1 | a reply to the originator. Nothing but the honest one may be taken. */
const hopHandshake: FuzzTarget = {
  name: "hop-handshake",
  covers: ["readHopBid"],
  maxBytes: 1500,
  seeds: () => {
    const { request } = initiatedHop();
    return [concat(Uint8Array.of(0), request), concat(Uint8Array.of(1), respondedHop(request).reply)];
  },
  run(bytes) {
    const message = bytes.subarray(1);
    const { request, finish } = initiatedHop();
    if ((bytes[0] ?? 0) % 2 === 0) {
      const bid = decodedOrRefused(REFUSED, () => readHopBid(crypto, random("bid"), hop, message.slice()));
      const answer = decodedOrRefused(REFUSED, () => respondedHop(message.slice()));
      must((bid === undefined) === (answer === undefined), "a bid is read and not answered, or not read");
      must((answer !== undefined) === equalBytes(message, request), "a request that nobody made is answered");
      return;
    }
    const { reply } = respondedHop(request);
    const keys = decodedOrRefused(REFUSED, () => finish(message.slice()));
    must((keys !== undefined) === equalBytes(message, reply), "a reply that nobody made is taken");
  },
};

interface Role {
  readonly handshake: LinkHandshake;
  /** What an honest peer says to it, in order. */
  readonly honest: readonly Uint8Array[];
}

function linkRole(kind: number): Role {
  const expected = kind % 4 < 2 ? {} : { linkKey: node.linkKey.publicKey };
  const own = { network: network.id, credentials: { linkKey: client.linkKey, features: 0 } };
  const credentials = { linkKey: node.linkKey, identity: node.identity, features: 0 };
  const start = () => initiateLink(crypto, random("link"), { ...own, expected });
  const wait = () => respondLink(crypto, random("link answer"), { network: network.id, credentials });
  const [initiator, responder] = [start(), wait()];
  const second = responder.read(initiator.message.slice()).reply!;
  const third = initiator.handshake.read(second.slice()).reply!;
  if (kind % 2 === 0) return { handshake: wait(), honest: [initiator.message, third] };
  return { handshake: start().handshake, honest: [second] };
}

/** Input: role u8 | messages, each behind its length u16. A session needs all that the honest peer says, unchanged. */
const linkHandshake: FuzzTarget = {
  name: "link-handshake",
  covers: [],
  maxBytes: 9000,
  seeds: () =>
    [0, 1, 2, 3].map((kind) => {
      const parts = linkRole(kind).honest.map((one) =>
        concat(Uint8Array.of(one.length >> 8, one.length), one),
      );
      return concat(Uint8Array.of(kind), ...parts);
    }),
  run(bytes) {
    const { handshake, honest } = linkRole(bytes[0] ?? 0);
    let isHonest = true;
    for (let at = 1, number = 0; at < bytes.length && number < 4; number++) {
      const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
      const message = bytes.slice(at + 2, at + 2 + length);
      at += 2 + length;
      isHonest &&= equalBytes(message, honest[number] ?? NOTHING_HONEST);
      const step = decodedOrRefused(REFUSED, () => handshake.read(message));
      if (step?.type === "done") must(isHonest, "a session with nobody");
      else must(!isHonest || step !== undefined, "an honest message is refused");
      if (step === undefined || step.type === "done") break;
    }
    if (isHonest) return;
    decodedOrRefused(REFUSED, () => handshake.read(honest[0]!.slice()));
  },
};

/** Input: sealed messages of one direction, each behind its length u16: only the honest ones open, in order. */
const transport: FuzzTarget = {
  name: "transport-cipher",
  covers: ["openChecked"],
  maxBytes: 600,
  seeds: () => {
    const parts = sealed().map((one) => concat(Uint8Array.of(one.length >> 8, one.length), one));
    return [concat(...parts), concat(parts[0]!, parts[0]!), concat(parts[1]!, parts[0]!)];
  },
  run(bytes) {
    const cipher = createTransportCipher(crypto, noise("transport key", 32));
    const honest = sealed();
    let isHonest = true;
    for (let at = 0, number = 0; at < bytes.length; number++) {
      const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
      const message = bytes.slice(at + 2, at + 2 + length);
      at += 2 + length;
      isHonest &&= equalBytes(message, honest[number] ?? NOTHING_HONEST);
      const opened = decodedOrRefused(["CRYPTO_FAILED"], () => cipher.open(message));
      must(
        (opened !== undefined) === isHonest,
        "a message opens that nobody sealed, or an honest one does not",
      );
    }
  },
};

function sealed(): Uint8Array[] {
  const cipher = createTransportCipher(crypto, noise("transport key", 32));
  return [0, 1, 40].map((length) => cipher.seal(noise("message", length)));
}

/** What comes before keys are known, and the first thing that is done with them. */
export const HANDSHAKE_TARGETS: readonly FuzzTarget[] = [hopHandshake, linkHandshake, transport];
