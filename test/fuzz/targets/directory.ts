import { type Descriptor, parseAddress, periodStart, signDescriptor } from "@umbel/core";
import { createDirectory, createDirectoryService, type Directory, reconcile } from "@umbel/router";
import {
  decodeDirectoryRequest,
  decodeSyncResponse,
  encodeDirectoryRequest,
  encodeSyncResponse,
  type SyncRange,
} from "../../../packages/router/src/directory/exchange-messages.ts";
import {
  MAX_DIRECTORY_REQUEST_BYTES,
  MAX_DIRECTORY_RESPONSE_BYTES,
  MAX_SYNC_ROUNDS,
} from "../../../packages/router/src/limits.ts";
import { type FuzzTarget, must, resolvedOrRefused } from "../target.ts";
import { crypto, keysOf, network } from "./fixed.ts";

const PERIOD = 20_000;
const NOW = periodStart(network, PERIOD) + 1000;
const clock = { now: () => 0, unixNow: () => NOW };

function described(index: number): Descriptor {
  return signDescriptor(crypto, network, keysOf(index), {
    period: PERIOD,
    roles: { relay: true, store: true },
    capacityClass: 0,
    versions: { min: 1, max: 1 },
    family: undefined,
    addresses: [parseAddress(`ws://127.${1 + index}.0.1:7000`)],
  });
}

let nodes: readonly Descriptor[] | undefined;

/** A directory of the first `count` of twelve nodes. */
function directoryOf(count: number): Directory {
  nodes ??= Array.from({ length: 12 }, (_, index) => described(index));
  const directory = createDirectory({ crypto, network, capacity: 20 });
  for (const { bytes } of nodes.slice(0, count)) directory.admit(bytes, NOW);
  return directory;
}

const all = (form: "hashes" | "summary"): SyncRange => {
  const set = directoryOf(8).set(PERIOD)!;
  const hashes = set.all().map(({ hash }) => hash);
  hashes.sort(Buffer.compare);
  const asked = { period: PERIOD, range: [] };
  return form === "hashes" ? { ...asked, form, hashes } : { ...asked, form, summary: set.summary([]) };
};

/** Input: a request to the service of a node that knows eight others. */
const service: FuzzTarget = {
  name: "directory-service",
  covers: [],
  maxBytes: 6000,
  seeds: () => [
    encodeDirectoryRequest({ kind: "sync", ranges: [all("hashes")] }),
    encodeDirectoryRequest({ kind: "sync", ranges: [all("summary"), { ...all("hashes"), range: [3] }] }),
    encodeDirectoryRequest({ kind: "push", descriptors: [described(9).bytes, described(1).bytes] }),
  ],
  async run(bytes) {
    if (bytes.length > MAX_DIRECTORY_REQUEST_BYTES) return;
    const directory = directoryOf(8);
    const { handle } = createDirectoryService(directory, clock);
    const response = await resolvedOrRefused(["BAD_ENCODING"], async () =>
      handle({ payload: bytes, origin: { via: "link", peer: undefined } }),
    );
    must(directory.size <= 20, "more descriptors than there is room for");
    if (response === undefined) return;
    must(response.length <= MAX_DIRECTORY_RESPONSE_BYTES, "a longer response than a peer takes");
    const request = decodeDirectoryRequest(bytes);
    if (request.kind === "sync") decodeSyncResponse(response, request.ranges);
    else must(response.length === 1, "another answer to PUSH than its version");
  },
};

/** Input: responses, each behind its length u16, to a node that knows eight others and asks all. */
const reconciliation: FuzzTarget = {
  name: "directory-answers",
  covers: [],
  maxBytes: 8000,
  seeds: () => {
    const behindLength = (...responses: readonly Uint8Array[]): Uint8Array =>
      Uint8Array.from(responses.flatMap((one) => [one.length >> 8, one.length & 255, ...one]));
    const items = { kind: "items", wanted: [0, 3], descriptors: [described(10).bytes] } as const;
    const parts = Array.from({ length: 16 }, () => ({ count: 1, digest: new Uint8Array(32) }));
    return [
      behindLength(encodeSyncResponse([items, { kind: "same" }])),
      behindLength(encodeSyncResponse([{ kind: "split", parts }, { kind: "unheld" }])),
      behindLength(encodeSyncResponse([{ kind: "later" }, { kind: "same" }]), encodeSyncResponse([items])),
    ];
  },
  async run(bytes) {
    const directory = directoryOf(8);
    let at = 0;
    let calls = 0;
    const call = async (request: Uint8Array): Promise<Uint8Array> => {
      calls += 1;
      must(calls <= MAX_SYNC_ROUNDS + 1, "more requests than a reconciliation may make");
      must(request.length <= MAX_DIRECTORY_REQUEST_BYTES, "a longer request than a peer takes");
      decodeDirectoryRequest(request);
      if (at >= bytes.length) at = 0;
      const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
      const response = bytes.subarray(at + 2, at + 2 + length);
      at += 2 + length;
      return response;
    };
    await resolvedOrRefused(["BAD_ENCODING", "PROTOCOL_VIOLATION"], () =>
      reconcile({ directory, clock, push: true, call }),
    );
    must(directory.size <= 20, "more descriptors than there is room for");
  },
};

/** What nodes tell each other of nodes. */
export const DIRECTORY_TARGETS: readonly FuzzTarget[] = [service, reconciliation];
