import fc from "fast-check";
import type { BlockId } from "../../src/brand.ts";
import { encodeBase32 } from "../../src/bytes/base32.ts";
import { secretOf } from "../../src/crypto/secret.ts";
import type {
  InnerReference,
  OwnerReference,
  PrintableReference,
  Reference,
} from "../../src/reference/kinds.ts";

/** The bytes first, first + 1, ... of golden vectors. */
export function counting(first: number, length = 32): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (first + at) % 256);
}

export const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const id = key.map((bytes) => encodeBase32(bytes) as BlockId);
const segment = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: paths have none
  .filter((text) => !/^\.\.?$|[\u0000-\u001f\u007f/]/.test(text));
const path = fc.array(segment, { maxLength: 3 });
const box = (extra: number) =>
  fc.integer({ min: 1, max: 5 }).chain((steps) => {
    const length = extra + 96 * steps;
    return fc.uint8Array({ minLength: length, maxLength: length });
  });
const piece = fc
  .record({ offset: fc.nat(32_495), size: fc.integer({ min: 1, max: 32_496 }) })
  .filter(({ offset, size }) => offset + 16 + size <= 32_512);

export const owner: fc.Arbitrary<OwnerReference> = key.map((bytes) => ({
  kind: "owner",
  seed: secretOf(bytes.slice()),
}));

const content = [
  fc.record({ kind: fc.constant("file" as const), rootId: id, readKey: key, path }),
  fc
    .record({ kind: fc.constant("piece" as const), blockId: id, readKey: key, at: piece })
    .map(({ at, ...rest }) => ({ ...rest, ...at })),
  fc.record({ kind: fc.constant("site" as const), siteKey: key, path }),
  fc.record({
    kind: fc.constant("edition" as const),
    siteKey: key,
    number: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    hash: key,
    path,
  }),
  fc.record({
    kind: fc.constant("verify" as const),
    of: fc.constant("content" as const),
    rootId: id,
    verifyKey: key,
  }),
  fc.record({
    kind: fc.constant("verify" as const),
    of: fc.constant("site" as const),
    slotId: id,
    verifyKey: key,
  }),
] as const;

/** Any reference that can be locked or sealed. */
export const inner: fc.Arbitrary<InnerReference> = fc.oneof(...content, owner);

/** Any reference that can be printed. */
export const printable: fc.Arbitrary<PrintableReference> = fc.oneof(
  ...content,
  fc.record({ kind: fc.constant("locked" as const), box: box(35), path }),
  fc.record({ kind: fc.constant("sealed" as const), box: box(48), path }),
  fc.record({ kind: fc.constant("recipient" as const), publicKey: key }),
);

/** As plain data, secrets included, so that two references can be compared. */
export function exposed(reference: Reference): unknown {
  return reference.kind === "owner" ? { ...reference, seed: [...reference.seed.expose()] } : reference;
}
