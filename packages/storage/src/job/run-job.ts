import {
  type AbortLike,
  type BlockId,
  decodeBase32,
  encodeBase32,
  formatReference,
  READ_KEY_BYTES,
  randomBelow,
  type Timers,
  UmbelError,
} from "@umbel/core";
import type { BlockNetwork } from "../block/block-network.ts";
import { blockIdOf } from "../block/location.ts";
import {
  PUBLISH_CONCURRENCY,
  RECEIPT_PAUSE_MAX_MS,
  RECEIPT_PAUSE_MIN_MS,
  RECEIPT_SAMPLE_BLOCKS,
} from "../limits.ts";
import { BlockSender, ROOT_COPIES } from "../publish/block-sender.ts";
import { countBlocks } from "../publish/count-blocks.ts";
import {
  contentKeysOf,
  inputOf,
  type MadeContent,
  makeBlocks,
  type PublishInput,
} from "../publish/make-blocks.ts";
import { ProgressReport, type PublishProgress } from "../publish/publish.ts";
import { keysOfSecret, PUBLISH_SECRET_BYTES, type PublishKeys } from "../publish/publish-keys.ts";
import type { PublishSource } from "../publish/publish-source.ts";
import type { MadeBlock } from "../publish/put-ledger.ts";
import { spreadOver } from "../publish/put-pace.ts";
import { createCancellation } from "../service/cancellation.ts";
import type { JobContent, JobRecord } from "./job-record.ts";
import { type JobPorts, jobFile, loadJob, saveJob } from "./jobs.ts";
import { type Journal, openJournal } from "./journal.ts";
import { createReceiptSample, placesOf, type Receipt, takeReceipt } from "./receipt.ts";
import { pause, waitForTime } from "./wait.ts";

/** The network as a job uses it: each kind of work over circuits of its own. */
export interface JobNetworks {
  /** For puts. The job closes it. */
  puts(): BlockNetwork;
  /** For a receipt: past caches, over endpoints that are not in `avoid` where there are others. The job closes it. */
  receipt(avoid: ReadonlySet<string>): BlockNetwork;
  /** Node ids of all endpoints that puts went over so far. */
  endpoints(): readonly string[];
}

export interface RunOptions extends JobPorts {
  readonly timers: Timers;
  readonly id: string;
  /** Opens what the job publishes, as its record describes it. Throws BAD_INPUT when it changed. */
  openSource(record: JobRecord): Promise<PublishSource>;
  readonly networks: JobNetworks;
  /** Holders that must confirm each put. */
  readonly wanted: number;
  /** Puts the root now, whatever time was set. */
  readonly revealNow?: boolean | undefined;
  readonly signal?: AbortLike | undefined;
  readonly progress?: ((progress: PublishProgress) => void) | undefined;
  readonly onStep?: ((step: JobStep) => void) | undefined;
}

/** What a job does now, for people. */
export type JobStep =
  | { readonly step: "counting" }
  | { readonly step: "sending"; readonly confirmed: number }
  | { readonly step: "holding"; readonly until: number }
  | { readonly step: "checking"; readonly asked: number };

/** How a job ended. Its files are still there: `eraseJob` when the person has the reference. */
export interface JobOutcome {
  /** Told only when the receipt did not fall short. */
  readonly reference: string | undefined;
  /** Absent when none was asked for. */
  readonly receipt: Receipt | undefined;
  readonly kind: "file" | "folder";
  readonly bytes: number;
  readonly files: number;
  readonly blocks: number;
  /** Puts of this run. */
  readonly puts: number;
  /** Confirmations of the puts of this run. */
  readonly confirmations: number;
  /** Milliseconds from the start of this run until the root was stored, without waiting to reveal it. */
  readonly sentAfter: number;
}

/**
 * Works on a job until it is done, from wherever it was left (docs/spec/11-publishing.md, part "Jobs"): no confirmed block is put
 * again. Throws IN_USE, BAD_INPUT when the input changed, NOT_STORED, BAD_CONFIG, READ_FAILED, WRITE_FAILED, DISK_FULL, what
 * source and networks throw, and ABORTED, after which it can be resumed.
 */
export async function runJob(options: RunOptions): Promise<JobOutcome> {
  const release = await options.folder.lock(options.id);
  const stop = createCancellation(options.signal);
  try {
    const record = await loadJob(options, options.id);
    const journal = await openJournal({
      ...options,
      name: jobFile(record.id, "journal"),
      secret: secretOf(record),
    });
    const run = new JobRun(options, record, journal, stop.signal);
    try {
      return await run.work();
    } finally {
      stop.cancel();
      await run.end();
    }
  } finally {
    stop.release();
    await release();
  }
}

class JobRun {
  readonly #options: RunOptions;
  readonly #journal: Journal;
  readonly #signal: AbortLike;
  readonly #started: number;
  #record: JobRecord;
  #network: BlockNetwork | undefined;
  #sender: BlockSender | undefined;
  #puts = 0;
  #confirmations = 0;
  #sentAfter = 0;

  constructor(options: RunOptions, record: JobRecord, journal: Journal, signal: AbortLike) {
    this.#options = options;
    this.#record = record;
    this.#journal = journal;
    this.#signal = signal;
    this.#started = options.clock.now();
  }

  async work(): Promise<JobOutcome> {
    if (this.#record.content === undefined || this.#record.phase === "sending") await this.#sendContent();
    if (this.#record.phase === "holding") await this.#sendRoot();
    const content = this.#content();
    const receipt = this.#record.options.receipt ? await this.#check(content) : undefined;
    const isShort = receipt !== undefined && receipt.missing.length > 0;
    const { kind, bytes, files, blocks } = content;
    return {
      reference: isShort ? undefined : referenceOf(content),
      ...{ receipt, kind, bytes, files, blocks },
      ...{ puts: this.#puts, confirmations: this.#confirmations, sentAfter: this.#sentAfter },
    };
  }

  /** Ends what is under way and writes down how far it came. */
  async end(): Promise<void> {
    await this.#closeNetwork();
    await this.#journal.close();
  }

  /** All blocks but the root. */
  async #sendContent(): Promise<void> {
    const input = await inputOf(await this.#options.openSource(this.#record));
    const keys = await this.#keysOf(input);
    await this.#countAhead(input, keys);
    const pace = await this.#pace();
    this.#options.onStep?.({ step: "sending", confirmed: this.#journal.confirmedPuts });
    const { random, crypto } = this.#options;
    const sample = createReceiptSample(random, RECEIPT_SAMPLE_BLOCKS);
    const report = new ProgressReport(this.#options.progress, input.bytes);
    let puts = 0;
    const sender = this.#openSender({
      pace,
      onChange: (counts) => report.onCounts(counts),
      onBlock(block) {
        sample.add(block);
        puts = block.number + placesOf(block).length;
      },
    });
    const onRead = (bytes: number) => report.onRead(bytes);
    const given = { crypto, input, keys, signal: this.#signal, onRead };
    const made = await makeBlocks({ ...given, sink: sender, sizeClass: this.#record.source.pad });
    report.onComplete();
    await sender.drain();
    await this.#journal.flush();
    await this.#hold(made, keys, puts, sender.counts.blocks + 1, sample.all());
  }

  /** Keeps the root, so that nothing of the input is needed any more. */
  async #hold(
    made: MadeContent,
    keys: PublishKeys,
    rootNumber: number,
    blocks: number,
    sample: JobContent["sample"],
  ): Promise<void> {
    const { folder, crypto } = this.#options;
    const rootId = blockIdOf(crypto, made.root);
    const { rootId: planned = rootId } = this.#record.options;
    if (rootId !== planned) throw anotherInput();
    await folder.write(jobFile(this.#record.id, "root"), made.root);
    const readKey = keys.rootKey();
    const { kind, bytes, files } = made;
    const content: JobContent = {
      ...{ kind, bytes, files, blocks, rootId, rootNumber, sample },
      readKey: encodeBase32(readKey),
    };
    readKey.fill(0);
    await this.#save({ phase: "holding", content, puts: rootNumber + ROOT_COPIES.length });
  }

  async #sendRoot(): Promise<void> {
    const content = this.#content();
    await this.#waitToReveal();
    const root = await this.#options.folder.read(jobFile(this.#record.id, "root"));
    if (root === undefined || blockIdOf(this.#options.crypto, root) !== content.rootId) {
      throw new UmbelError("BAD_CONFIG", "the root block that the job kept is gone or damaged");
    }
    const sender = this.#openSender({ firstNumber: content.rootNumber, pace: await this.#pace() });
    await sender.addRoot(root);
    await sender.drain();
    await this.#journal.flush();
    this.#sentAfter += this.#options.clock.now() - this.#started;
    await this.#closeNetwork();
    await this.#save({ phase: "checking" });
  }

  async #waitToReveal(): Promise<void> {
    const { revealAt } = this.#record.options;
    const { clock, timers, revealNow, onStep } = this.#options;
    if (revealAt === undefined || revealNow === true || clock.unixNow() >= revealAt) return;
    await this.#closeNetwork();
    await this.#save({});
    onStep?.({ step: "holding", until: revealAt });
    const before = clock.now();
    await waitForTime({ clock, timers }, revealAt, this.#signal);
    this.#sentAfter -= clock.now() - before;
  }

  /** Fetches the sample back. What is missing counts as never put, and the job is back where it is put again. */
  async #check(content: JobContent): Promise<Receipt> {
    const { networks, random, timers, onStep } = this.#options;
    const rootId = content.rootId as BlockId;
    const top: MadeBlock = { id: rootId, purpose: "root", lane: "roots", number: content.rootNumber };
    const sample = [...placesOf(top), ...content.sample];
    onStep?.({ step: "checking", asked: sample.length });
    const spare = randomBelow(random, RECEIPT_PAUSE_MAX_MS - RECEIPT_PAUSE_MIN_MS);
    await pause(timers, RECEIPT_PAUSE_MIN_MS + spare, this.#signal);
    const network = networks.receipt(new Set(this.#endpoints()));
    try {
      const receipt = await takeReceipt({ random, network, sample, signal: this.#signal });
      for (const { number, id } of receipt.missing) this.#journal.takeBack(number, id);
      await this.#journal.flush();
      const isRootAlone = receipt.missing.every(({ id }) => id === rootId);
      if (receipt.missing.length > 0) await this.#save({ phase: isRootAlone ? "holding" : "sending" });
      return receipt;
    } finally {
      network.close();
    }
  }

  async #keysOf(input: PublishInput): Promise<PublishKeys> {
    const { crypto, onStep } = this.#options;
    const { userSecret } = this.#record;
    if (userSecret === undefined) return keysOfSecret(crypto, secretOf(this.#record));
    onStep?.({ step: "counting" });
    return contentKeysOf(crypto, decodeBase32(userSecret, PUBLISH_SECRET_BYTES), input, {
      sizeClass: this.#record.source.pad,
      signal: this.#signal,
    });
  }

  /**
   * Makes all blocks once without sending any, where their number is needed for a pace, or where a plan says what they must come to:
   * another input under a plan's keys would show what its parities have in common with those that went out before.
   */
  async #countAhead(input: PublishInput, keys: PublishKeys): Promise<void> {
    const { spreadUntil, rootId: planned } = this.#record.options;
    if (this.#record.puts !== undefined || (spreadUntil ?? planned) === undefined) return;
    this.#options.onStep?.({ step: "counting" });
    const given = { crypto: this.#options.crypto, input, keys, sizeClass: this.#record.source.pad };
    const { puts, rootId } = await countBlocks({ ...given, signal: this.#signal });
    if (planned !== undefined && rootId !== planned) throw anotherInput();
    await this.#save({ puts });
  }

  /** Puts at random times over what is left of the span. */
  async #pace() {
    const { spreadUntil } = this.#record.options;
    if (spreadUntil === undefined) return undefined;
    const puts = (this.#record.puts ?? 0) - this.#journal.confirmedPuts;
    return spreadOver({ ...this.#options, until: spreadUntil, puts });
  }

  #openSender(
    given: Pick<
      ConstructorParameters<typeof BlockSender>[0],
      "pace" | "onChange" | "onBlock" | "firstNumber"
    >,
  ): BlockSender {
    this.#count();
    const { networks, crypto, random, wanted } = this.#options;
    this.#network ??= networks.puts();
    this.#sender = new BlockSender({
      ...{ ...given, crypto, random, wanted, network: this.#network },
      ...{ concurrency: PUBLISH_CONCURRENCY, ledger: this.#journal, signal: this.#signal },
    });
    return this.#sender;
  }

  /** Adds up what the sender did. */
  #count(): void {
    if (this.#sender === undefined) return;
    const { putsDone, putsBefore, confirmations } = this.#sender.counts;
    this.#puts += putsDone - putsBefore;
    this.#confirmations += confirmations;
    this.#sender = undefined;
  }

  async #closeNetwork(): Promise<void> {
    const sender = this.#sender;
    const network = this.#network;
    this.#count();
    this.#network = undefined;
    const stopped = sender?.stop();
    network?.close();
    await stopped;
    if (network !== undefined) await this.#save({});
  }

  async #save(change: Partial<JobRecord>): Promise<void> {
    this.#record = { ...this.#record, ...change, endpoints: this.#endpoints() };
    await saveJob(this.#options, this.#record);
  }

  #endpoints(): readonly string[] {
    return [...new Set([...this.#record.endpoints, ...this.#options.networks.endpoints()])].slice(-256);
  }

  #content(): JobContent {
    const { content } = this.#record;
    if (content === undefined) throw new UmbelError("BAD_CONFIG", "a job file lacks what was sent");
    return content;
  }
}

function secretOf({ secret }: JobRecord): Uint8Array {
  return decodeBase32(secret, PUBLISH_SECRET_BYTES);
}

function referenceOf({ rootId, readKey }: JobContent): string {
  const key = decodeBase32(readKey, READ_KEY_BYTES);
  const text = formatReference({ kind: "file", rootId: rootId as BlockId, readKey: key, path: [] });
  key.fill(0);
  return text;
}

function anotherInput(): UmbelError {
  return new UmbelError(
    "BAD_INPUT",
    "the input is not what the plan was made of, so its reference is another",
  );
}
