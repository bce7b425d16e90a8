import { concat, equalBytes, isUmbelError, LABELS } from "@umbel/core";
import {
  createSpool,
  decodeJobRecord,
  decodeJson,
  encodeJobRecord,
  encodeJson,
  JOURNAL_RECORD_BYTES,
  type JobRecord,
  MAX_JOB_PUTS,
  MemoryStateFolder,
  openJournal,
  openSpool,
} from "@umbel/storage";
import { parseSpan, parseTime } from "../../../packages/cli/src/commands/publish-arguments.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";
import { decodedOrRefused, type FuzzTarget, must, resolvedOrRefused } from "../target.ts";
import { crypto, noise } from "./fixed.ts";

const KEY = "a".repeat(52);
const SECRET = new Uint8Array(32).fill(1);

const RECORD: JobRecord = {
  ...{ id: "abcdefgh", created: 1, network: "local", secret: KEY, phase: "sending", endpoints: [KEY] },
  source: {
    ...{ kind: "folder", path: "/x", name: "x", files: 2, bytes: 7, fingerprint: KEY, pad: "exact" },
    ...{ hidden: true, keepTimes: true, keepTypes: false },
  },
  options: { receipt: true, spreadUntil: 5, revealAt: 6, rootId: KEY },
};

const jobRecord: FuzzTarget = {
  name: "job-record",
  covers: ["decodeJobRecord", "decodeJson"],
  maxBytes: 2000,
  words: ['"phase"', '"content"', "null", "holding", "checking", '"version": 1'],
  seeds: () => [encodeJobRecord(RECORD), encodeJson({ version: 2 }), encodeJson(null)],
  run(bytes) {
    decodeJson(bytes);
    const record = decodedOrRefused(["BAD_CONFIG"], () => decodeJobRecord(bytes));
    if (record === undefined) return;
    const again = encodeJobRecord(record);
    must(equalBytes(again, encodeJobRecord(decodeJobRecord(again))), "a record changes by being saved");
  },
};

function holding(name: string, bytes: Uint8Array): MemoryStateFolder {
  const folder = new MemoryStateFolder();
  folder.files.set(name, bytes.slice());
  return folder;
}

/** A record whose check is right (docs/spec/11-publishing.md, part "Journal"). */
function journalRecord(head: Uint8Array): Uint8Array {
  const check = crypto.hmacSha256(SECRET, LABELS.publishJournal, head);
  return concat(head, check.subarray(0, JOURNAL_RECORD_BYTES - head.length));
}

const journal: FuzzTarget = {
  name: "job-journal",
  covers: ["openJournal"],
  maxBytes: 200,
  seeds: () => [new Uint8Array(0), journalRecord(new Uint8Array(13).fill(1)), noise("journal", 40)],
  repair(bytes) {
    const records: Uint8Array[] = [];
    for (let at = 0; at + 13 <= bytes.length; at += JOURNAL_RECORD_BYTES) {
      records.push(journalRecord(bytes.slice(at, at + 13)));
    }
    return concat(...records);
  },
  async run(bytes) {
    const folder = holding("j", bytes);
    const options = { crypto, clock: createVirtualClock(), folder, name: "j", secret: SECRET };
    const opened = await openJournal(options);
    const kept = folder.files.get("j")?.length ?? 0;
    must(kept % JOURNAL_RECORD_BYTES === 0 && kept <= bytes.length, "a torn record was kept");
    must(opened.confirmedPuts <= kept / JOURNAL_RECORD_BYTES, "puts were made up");
    must(opened.confirmedPuts <= MAX_JOB_PUTS, "more puts than there may be");
    await opened.close();
    const again = await openJournal(options);
    must(again.confirmedPuts === opened.confirmedPuts, "a journal changes by being opened");
    await again.close();
  },
};

const spool: FuzzTarget = {
  name: "job-spool",
  covers: ["openSpool"],
  maxBytes: 400,
  seeds: () => [new Uint8Array(16), noise("spool", 100)],
  async run(bytes) {
    const options = { crypto, folder: holding("s", bytes), name: "s", secret: SECRET };
    const opened = await resolvedOrRefused(["BAD_CONFIG"], () => openSpool(options));
    if (opened === undefined) return;
    const parts: Uint8Array[] = [];
    for await (const part of opened.read()) parts.push(part);
    const folder = new MemoryStateFolder();
    const written = await createSpool({ ...options, folder });
    await written.fill(
      (async function* () {
        yield* parts;
      })(),
    );
    must(equalBytes(folder.files.get("s") ?? bytes, bytes), "a spool has two forms");
  },
};

const times: FuzzTarget = {
  name: "publish-times",
  covers: ["parseSpan", "parseTime"],
  maxBytes: 40,
  words: ["6h", "2027-01-31T18:00", "Z", "+02:00"],
  seeds: () => ["6h", "2027-01-31T18:00Z", "2027-01-31 18:00:01+02:00"].map((text) => Buffer.from(text)),
  run(bytes) {
    const text = Buffer.from(bytes).toString("latin1");
    for (const parse of [() => parseSpan(text, "x"), () => parseTime(text, "x", 0)]) {
      try {
        must(Number.isSafeInteger(parse()) && parse() > 0, "a time that is none");
      } catch (error) {
        if (!isUmbelError(error, "BAD_INPUT")) throw error;
      }
    }
  },
};

export const JOB_TARGETS: readonly FuzzTarget[] = [jobRecord, journal, spool, times];
