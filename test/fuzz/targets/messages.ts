import { BLOCK_BYTES, type BlockId, encodeBase32, Reader } from "@umbel/core";
import {
  decodeBlockMessage,
  decodeChild,
  decodeGetReply,
  decodeHaveReply,
  decodeHolderMessage,
  decodePutReply,
  encodeBlockMessage,
  encodeChild,
  encodeGetReply,
  encodeHaveMessage,
  encodeHaveReply,
  encodePutReply,
  GET_REPLY_BYTES,
  HAVE_REPLY_BYTES,
  PUT_REQUEST_BYTES,
} from "@umbel/storage";
import {
  decodeDirectoryRequest,
  decodeSyncResponse,
  encodeDirectoryRequest,
  encodeSyncResponse,
  type SyncAnswer,
  type SyncRange,
} from "../../../packages/router/src/directory/exchange-messages.ts";
import { canonicalTarget, decodedOrRefused, type FuzzTarget, mustReencode } from "../target.ts";
import { noise } from "./fixed.ts";

const hash = (label: string): Uint8Array => noise(label, 32);
const hashes = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, at) => hash("hash").fill(at, 0, 1));
const ranges: readonly SyncRange[] = [
  { period: 20_000, range: [], form: "summary", summary: { count: 40, digest: hash("digest") } },
  { period: 20_000, range: [1, 15, 3], form: "hashes", hashes: hashes(5) },
  { period: 20_001, range: Array.from({ length: 64 }, (_, at) => at % 16), form: "hashes", hashes: [] },
];

const directoryRequest = canonicalTarget({
  name: "directory-request",
  covers: ["decodeDirectoryRequest"],
  maxBytes: 6000,
  codes: ["BAD_ENCODING"],
  seeds: () => [
    encodeDirectoryRequest({ kind: "sync", ranges }),
    encodeDirectoryRequest({ kind: "push", descriptors: [noise("a", 200), new Uint8Array(0)] }),
  ],
  decode: decodeDirectoryRequest,
  encode: encodeDirectoryRequest,
});

const answers: readonly SyncAnswer[] = [
  {
    kind: "split",
    parts: Array.from({ length: 16 }, (_, at) => ({ count: at, digest: hash(`part ${at}`) })),
  },
  { kind: "items", wanted: [0, 2, 4], descriptors: [noise("b", 150), noise("c", 10)] },
  { kind: "later" },
];

/** Input: length u16 of a request | the request, SYNC or else three ranges are asked | the response. */
const syncResponse: FuzzTarget = {
  name: "sync-response",
  covers: ["decodeSyncResponse"],
  maxBytes: 8000,
  seeds: () => {
    const asked = encodeDirectoryRequest({ kind: "sync", ranges });
    const length = Uint8Array.of(asked.length >> 8, asked.length);
    return [
      Uint8Array.of(...length, ...asked, ...encodeSyncResponse(answers)),
      Uint8Array.of(0, 0, ...encodeSyncResponse([{ kind: "same" }, { kind: "unheld" }, { kind: "later" }])),
    ];
  },
  run(bytes) {
    const length = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
    const response = bytes.subarray(2 + length);
    const request = decodedOrRefused(["BAD_ENCODING"], () =>
      decodeDirectoryRequest(bytes.subarray(2, 2 + length)),
    );
    const asked = request?.kind === "sync" ? request.ranges : ranges;
    const decoded = decodedOrRefused(["BAD_ENCODING"], () => decodeSyncResponse(response, asked));
    if (decoded !== undefined) mustReencode(response, encodeSyncResponse(decoded));
  },
};

const id = encodeBase32(noise("block id", 32)) as BlockId;

const blockMessage = canonicalTarget({
  name: "block-message",
  covers: ["decodeBlockMessage"],
  maxBytes: PUT_REQUEST_BYTES + 64,
  codes: ["BAD_ENCODING"],
  seeds: () => [
    encodeBlockMessage({ op: "get", id, copy: 2, bypassCaches: true }),
    encodeBlockMessage({ op: "get", id, copy: 0, bypassCaches: false }),
    encodeBlockMessage({ op: "put", id, copy: 1, block: new Uint8Array(BLOCK_BYTES).fill(3) }),
    encodeBlockMessage({ op: "getSlot", id, copy: 1, sequence: 7, rank: 1 }),
    encodeBlockMessage({ op: "putSlot", id, copy: 2, slot: new Uint8Array(BLOCK_BYTES).fill(4) }),
  ],
  decode: decodeBlockMessage,
  encode: encodeBlockMessage,
});

const holderMessage = canonicalTarget({
  name: "holder-message",
  covers: ["decodeHolderMessage"],
  maxBytes: PUT_REQUEST_BYTES + 64,
  codes: ["BAD_ENCODING"],
  seeds: () => [
    encodeHaveMessage({ op: "have", copy: 0, ids: [] }),
    encodeHaveMessage({ op: "have", copy: 2, ids: [id, id] }),
    encodeBlockMessage({ op: "get", id, copy: 2, bypassCaches: true }),
  ],
  decode: decodeHolderMessage,
  encode: (message) => (message.op === "have" ? encodeHaveMessage(message) : encodeBlockMessage(message)),
});

const haveReply = canonicalTarget({
  name: "have-reply",
  covers: ["decodeHaveReply"],
  maxBytes: HAVE_REPLY_BYTES + 8,
  codes: ["BAD_ENCODING"],
  seeds: () => [
    encodeHaveReply([]),
    encodeHaveReply([true, false, true, true, false, false, true, true, true]),
  ],
  decode: (bytes) => decodeHaveReply(bytes, 9),
  encode: encodeHaveReply,
});

const getReply = canonicalTarget({
  name: "get-reply",
  covers: ["decodeGetReply"],
  maxBytes: GET_REPLY_BYTES + 64,
  codes: ["BAD_ENCODING"],
  seeds: () => [encodeGetReply(undefined), encodeGetReply(new Uint8Array(BLOCK_BYTES).fill(5))],
  decode: (bytes) => ({ block: decodeGetReply(bytes) }),
  encode: ({ block }) => encodeGetReply(block),
});

const putReply = canonicalTarget({
  name: "put-reply",
  covers: ["decodePutReply"],
  maxBytes: 128,
  codes: ["BAD_ENCODING"],
  seeds: () => [encodePutReply(0), encodePutReply(3)],
  decode: decodePutReply,
  encode: encodePutReply,
});

const child = canonicalTarget({
  name: "child",
  covers: ["decodeChild"],
  maxBytes: 80,
  codes: ["BAD_ENCODING"],
  seeds: () => [encodeChild({ rootId: id, verifyKey: hash("verify key") })],
  decode(bytes) {
    const reader = new Reader(bytes, "child");
    const decoded = decodeChild(reader);
    reader.finish();
    return decoded;
  },
  encode: encodeChild,
});

/** What services say to each other on streams. */
export const MESSAGE_TARGETS: readonly FuzzTarget[] = [
  directoryRequest,
  syncResponse,
  blockMessage,
  holderMessage,
  haveReply,
  getReply,
  putReply,
  child,
];
