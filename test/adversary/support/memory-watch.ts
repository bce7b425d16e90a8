/**
 * Keeps every typed array that this process makes from here on, so that a test can read all memory that JavaScript sees: private
 * fields and closures, what nobody refers to any more, the kernel's memory. Imported for its effect, before all else. What stays
 * out of sight: numbers and strings, and the memory of OpenSSL.
 */
const buffers = new Set<ArrayBufferLike>();

type ArrayClass = new (...args: never[]) => ArrayBufferView;

function watch(name: "Uint8Array" | "Uint16Array" | "Uint32Array" | "Int32Array" | "BigUint64Array"): void {
  const original = globalThis[name] as unknown as ArrayClass;
  const watched: ArrayClass = new Proxy(original, {
    construct(target, args, newTarget) {
      const made = Reflect.construct(target, args, newTarget === watched ? target : newTarget);
      buffers.add((made as ArrayBufferView).buffer);
      return made;
    },
  });
  // slice, map and their like ask the prototype whom to construct.
  Object.defineProperty(original.prototype, "constructor", { value: watched });
  Object.defineProperty(globalThis, name, { value: watched });
}

for (const name of ["Uint8Array", "Uint16Array", "Uint32Array", "Int32Array", "BigUint64Array"] as const)
  watch(name);

/** All memory seen so far that is not zero. */
export function memoryNow(): Buffer[] {
  return [...buffers]
    .filter(({ byteLength }) => byteLength > 0)
    .map((buffer) => Buffer.from(buffer))
    .filter((memory) => !isZero(memory));
}

const ZEROS = Buffer.alloc(65_536);

function isZero(memory: Buffer): boolean {
  for (let at = 0; at < memory.length; at += ZEROS.length) {
    const part = memory.subarray(at, at + ZEROS.length);
    if (!part.equals(ZEROS.subarray(0, part.length))) return false;
  }
  return true;
}

/** Which of the secrets (name to hex, at least 2 bytes) stand somewhere in memory, or in arrays shorter than `below` bytes. */
export function foundInMemory(
  secrets: ReadonlyMap<string, string>,
  below = Number.POSITIVE_INFINITY,
): string[] {
  const wanted = [...secrets].map(([name, hex]) => ({ name, bytes: Buffer.from(hex, "hex") }));
  const byStart = new Map<number, typeof wanted>();
  for (const secret of wanted) {
    const start = secret.bytes.readUInt16LE();
    byStart.set(start, [...(byStart.get(start) ?? []), secret]);
  }
  const starts = Buffer.alloc(65_536);
  for (const start of byStart.keys()) starts[start] = 1;
  const found = new Set<string>();
  for (const memory of memoryNow().filter(({ length }) => length < below))
    for (let at = 0; at + 1 < memory.length; at++) {
      const start = memory[at]! | (memory[at + 1]! << 8);
      if (starts[start] === 0) continue;
      for (const { name, bytes } of byStart.get(start) ?? [])
        if (memory.compare(bytes, 0, bytes.length, at, Math.min(at + bytes.length, memory.length)) === 0)
          found.add(name);
    }
  // The hunt has made arrays of its own.
  for (const { bytes } of wanted) bytes.fill(0);
  return [...found].sort();
}
