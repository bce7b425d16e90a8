import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import {
  decodeBase32,
  type ErrorCode,
  encodeBase32,
  isUmbelError,
  parseAddress,
  parseBootstrapEntry,
  parseDnsName,
  parseIpv4,
  parseIpv6,
} from "@umbel/core";
import { canonicalPath, nameFault, pathFault } from "@umbel/storage";
import { parseByteRange, rangeWithin } from "../../../packages/cli/src/byte-range.ts";
import { parseConfig } from "../../../packages/cli/src/config.ts";
import { openDataFolder } from "../../../packages/cli/src/files/data-folder.ts";
import { checkAddress, parseRoles, parseSize, parseWhole } from "../../../packages/cli/src/settings.ts";
import { formatPath, parsePath } from "../../../packages/core/src/reference/reference-path.ts";
import { readStoreFormat } from "../../../packages/storage/src/platform/store-format.ts";
import { decodedOrRefused, type FuzzTarget, must, resolvedOrRefused } from "../target.ts";
import { idOf, keysOf, text } from "./fixed.ts";

/** A parser of texts: refused with one of `codes`, at a position inside the text, or read the same again once written. */
export function textTarget<Value>(target: {
  readonly name: string;
  readonly covers: readonly string[];
  readonly seeds: readonly string[];
  readonly words?: readonly string[];
  readonly codes: readonly ErrorCode[];
  readonly maxBytes?: number;
  repair?(bytes: Uint8Array): Uint8Array;
  parse(text: string): Value;
  /** Undefined where there is no writer. */
  format?(value: Value): string | undefined;
}): FuzzTarget {
  const { name, covers, codes, parse, format, maxBytes = 600, words = [] } = target;
  return {
    name,
    covers,
    maxBytes,
    words,
    ...(target.repair === undefined ? {} : { repair: target.repair }),
    seeds: () => target.seeds.map((each) => utf8ToBytes(each)),
    run(bytes) {
      const given = text(bytes);
      const read = decodedOrRefused(codes, () => pointingInside(given, () => ({ value: parse(given) })));
      const written = read === undefined ? undefined : format?.(read.value);
      if (written === undefined) return;
      must(format?.(parse(written)) === written, "what was written for a text reads as something else");
    },
  };
}

function pointingInside<Value>(given: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    const at = isUmbelError(error) ? error.position : undefined;
    must(at === undefined || (at >= 0 && at <= given.length), `the error points at ${at}, outside the text`);
    throw error;
  }
}

const ADDRESS_WORDS = [
  "ws://",
  "wss://",
  "WSS://",
  "[::1]",
  "::",
  "127.0.0.1",
  ":0",
  ":65536",
  "/",
  "#",
  "@",
  ".",
];
const nodeId = idOf(keysOf(0));

const KEY_CHECK = "0123456789abcdef";
const OWN_FORMAT = `umbel blocks 2 ${KEY_CHECK}\n`;

/** What persons type, and what stands in text files. */
/** A range of bytes on a command line: whatever the size of the file, it lies inside. */
const byteRange: FuzzTarget = textTarget({
  name: "byte-range",
  covers: ["parseByteRange"],
  seeds: ["0-99", "100-", "-500", "9007199254740993-", "5-4", "-"],
  codes: ["BAD_INPUT"],
  parse(given) {
    const range = parseByteRange(given);
    for (const size of [0, 1, 100, 2 ** 40]) {
      const within = decodedOrRefused(["BAD_INPUT"], () => rangeWithin(range, size));
      if (within === undefined) continue;
      must(0 <= within.start && within.start <= within.end && within.end <= size, "a range outside the file");
    }
    return range;
  },
});

export const TEXT_TARGETS: readonly FuzzTarget[] = [
  byteRange,
  textTarget({
    name: "reference-path",
    covers: ["parsePath"],
    codes: ["BAD_REFERENCE"],
    seeds: ["a%20b/c", "%C3%BC/", ""],
    words: ["%ED%A0%80", "%2F", "%2E%2E", "..", "//", "%00"],
    parse: (given) => parsePath(`/${given}`, 0),
    format: (segments) => formatPath(segments).slice(1),
  }),
  textTarget({
    name: "address",
    covers: ["parseAddress"],
    codes: ["BAD_INPUT"],
    seeds: ["ws://127.0.0.1:7470", "wss://[2001:db8::1]/umbel", "WS://Node.Example:80/"],
    words: ADDRESS_WORDS,
    parse: (given) => parseAddress(given),
    format: ({ url }) => url,
  }),
  textTarget({
    name: "bootstrap-entry",
    covers: ["parseBootstrapEntry"],
    codes: ["BAD_INPUT"],
    seeds: [`ws://127.0.0.1:7470#${nodeId}`, "ws://a.example"],
    words: ADDRESS_WORDS,
    parse: parseBootstrapEntry,
    format: (entry) => (entry.nodeId === undefined ? entry.url : `${entry.url}#${entry.nodeId}`),
  }),
  textTarget({
    name: "host",
    covers: ["parseIpv4", "parseIpv6", "parseDnsName"],
    codes: [],
    seeds: ["127.0.0.1", "2001:db8::1:0:0:2", "node.example"],
    words: ["::", ":0:", "fe80", "256", "0x7f", "xn--", "-", "."],
    parse: (given) =>
      [parseIpv4(given), parseIpv6(given), parseDnsName(given)].find((host) => host !== undefined),
    format: (host) => host?.text,
  }),
  textTarget({
    name: "base32",
    covers: ["decodeBase32"],
    codes: ["BAD_ENCODING"],
    seeds: [nodeId],
    parse: (given) => ({ given, bytes: decodeBase32(given, 32) }),
    format({ given, bytes }) {
      must(encodeBase32(bytes) === given, "another text names the same bytes");
      return given;
    },
  }),
  textTarget({
    name: "path",
    covers: [],
    codes: ["BAD_INPUT"],
    seeds: ["a/b.txt", "e\u0301", "CON/x"],
    words: ["../", "\\", "NUL.", "\u202e", "\u0000", "/", "C:", "ﬃ"],
    parse(given) {
      pathFault(given);
      nameFault(given);
      return canonicalPath(given);
    },
    format(path) {
      must(pathFault(path) === undefined, "a canonical path has a fault");
      return path;
    },
  }),
  textTarget({
    name: "settings",
    covers: ["parseRoles", "parseWhole", "parseSize"],
    codes: ["BAD_INPUT"],
    seeds: ["relay,store", "17", "1.5GiB", "ws://127.0.0.1:1#a"],
    words: ["relay", "store", ",", "999999T", "9007199254740993", "-", "1e3", "\u0661"],
    parse(given) {
      decodedOrRefused(["BAD_INPUT"], () => checkAddress(given, "--listen"));
      const whole = decodedOrRefused(["BAD_INPUT"], () => parseWhole(given, "--port", 0, 2 ** 40));
      must(
        whole === undefined || (Number.isSafeInteger(whole) && whole <= 2 ** 40),
        "no whole number in bounds",
      );
      const size = decodedOrRefused(["BAD_INPUT"], () => parseSize(given, "--store-size"));
      must(size === undefined || (Number.isSafeInteger(size) && size >= 0), "no size in bytes");
      return parseRoles(given, "--roles");
    },
    format: (roles) => roles.join(","),
  }),
  textTarget({
    name: "config",
    covers: ["parseConfig"],
    codes: ["BAD_CONFIG"],
    maxBytes: 6000,
    seeds: [
      'listen = "ws://0.0.0.0:7470"\nbootstrap = ["ws://a.example:1#x"]\ncapacity = 2\n',
      'roles = ["relay", "store"] # both\nnetwork = \'local\'\nfamily = """\na"""\ndata = "\\u00e9"\n',
    ],
    words: [
      "listen",
      "capacity",
      "[",
      "]",
      "[[",
      "{",
      "}",
      "=",
      "'''",
      '"""',
      "\\U0010FFFF",
      "\\uD800",
      "1979-05-27",
      "07:32:00Z",
      "0x",
      "1e400",
      "inf",
      "nan",
      "__proto__",
      "constructor",
      ".",
      "true",
      "9223372036854775808",
      "9007199254740993",
    ],
    parse: (given) => parseConfig(given, "umbel.toml"),
  }),
  formatFiles(),
];

/** The `format` files of a data folder and of a block store, which stand alone in an existing folder. */
function formatFiles(): FuzzTarget {
  return {
    name: "format-files",
    covers: ["readStoreFormat", "openDataFolder"],
    maxBytes: 200,
    words: ["umbel blocks ", "1", "2", " ", "\n", "999999", "0", KEY_CHECK],
    seeds: () =>
      [OWN_FORMAT, "umbel blocks 2 0000000000000000\n", "umbel blocks 1\n", "1\n", "2\n"].map((each) =>
        utf8ToBytes(each),
      ),
    async run(bytes) {
      const folder = mkdtempSync(join(tmpdir(), "umbel-fuzz-"));
      try {
        writeFileSync(join(folder, "format"), bytes);
        const store = await resolvedOrRefused(["BAD_CONFIG"], async () =>
          readStoreFormat(folder, KEY_CHECK).then(() => true),
        );
        must(store === (text(bytes) === OWN_FORMAT ? true : undefined), "a store of another format opens");
        const data = await resolvedOrRefused(["BAD_CONFIG"], () => openDataFolder(folder));
        must((data !== undefined) === (text(bytes).trim() === "1"), "a data folder of another format opens");
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  };
}
