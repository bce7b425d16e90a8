/**
 * The folder in which jobs keep their state: plain files, readable by their owner alone. Every implementation passes
 * test/compliance/state-folder.ts. Calls throw READ_FAILED, WRITE_FAILED or DISK_FULL.
 */
export interface StateFolder {
  /** The names of all files, in no order. */
  names(): Promise<readonly string[]>;
  /** The content of a file, or undefined when there is none. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Replaces a file so that a crash leaves the old content or the new; on disk when it resolves. */
  write(name: string, content: Uint8Array): Promise<void>;
  /** Opens a file to which bytes are appended, and makes it when there is none. */
  append(name: string): Promise<AppendFile>;
  /** Overwrites a file and removes it; nothing when there is none. */
  erase(name: string): Promise<void>;
  /** Removes a file that says nothing without a secret kept elsewhere; nothing when there is none. */
  remove(name: string): Promise<void>;
  /** Keeps other processes from the work that `name` stands for until the result is called. Throws IN_USE when one is at it. */
  lock(name: string): Promise<() => Promise<void>>;
}

/** A file that grows at its end. A crash may lose what was appended after the last `sync`, or a part of it. */
export interface AppendFile {
  /** Bytes. */
  readonly size: number;
  /** Up to `length` bytes from `at`: fewer only at the end of the file. */
  read(at: number, length: number): Promise<Uint8Array>;
  /** Appends all of `bytes`; resolves when a crash of this process no longer loses them. One call at a time. */
  append(bytes: Uint8Array): Promise<void>;
  /** Cuts the file to its first `size` bytes. */
  truncate(size: number): Promise<void>;
  /** Resolves when a crash of the machine no longer loses what was appended. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
