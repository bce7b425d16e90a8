import { CHUNK_BYTES, SEAL_TAG_BYTES } from "../block/block.ts";
import { BLOCK_ID_BYTES } from "../block/location.ts";

/*
 * What stands in the chunk of a root, in bytes (docs/spec/08-files-and-sites.md, Root). Each part has its room whatever the
 * others need: a limit that depends on another would be one that nobody remembers.
 */

/** Ids of the content's top level in a root: those of 640 blocks in the default coding, which are 19.8 MiB. */
export const ROOT_CONTENT_IDS = 800;
/** The same for a folder's list of children. */
export const ROOT_CHILDREN_IDS = 128;
/** The same for the blocks that the small files of a folder share. */
export const ROOT_SHARED_IDS = 64;
/** Up to this many children stand in the root itself; their list is as long as ROOT_CHILDREN_IDS ids. */
export const INLINE_CHILDREN = 64;
/** root id (32) | verify key (32) */
export const CHILD_BYTES = 2 * BLOCK_ID_BYTES;
const CHILDREN_ROOM = Math.max(ROOT_CHILDREN_IDS * BLOCK_ID_BYTES, INLINE_CHILDREN * CHILD_BYTES);
const SHARED_ROOM = ROOT_SHARED_IDS * BLOCK_ID_BYTES;

/** segment data u8 | segment parity u8 | cross segments u8 */
export const CODING_BYTES = 3;
/** version u8 | three codings | content leaves u64 | children u32 | shared blocks u32 */
export const ROOT_PUBLIC_FIXED_BYTES = 1 + 3 * CODING_BYTES + 8 + 4 + 4;

/** Longest name of a file, in bytes of UTF-8. */
const NAME_ROOM = 255;
/** Longest media type of a file, in characters of ASCII. */
export const MAX_MEDIA_TYPE_BYTES = 127;
/** flags u8 | modification time u64 | media type */
const ATTRIBUTES_ROOM = 1 + 8 + MAX_MEDIA_TYPE_BYTES;
/** version u8 | kind u8 | name length u8 | name | attributes length u8 | attributes | files u32 | bytes u64 | content size u64 */
const ROOT_PRIVATE_FIXED_ROOM = 4 + NAME_ROOM + ATTRIBUTES_ROOM + 4 + 8 + 8;

/** A file of up to this many bytes is its own root; in a folder it may share a block with others. */
export const FILE_INLINE_BYTES = 30 * 1024;
/** A folder's table of up to this many bytes stands in its root, beside up to INLINE_CHILDREN children and ROOT_SHARED_IDS ids. */
export const TABLE_INLINE_BYTES = FILE_INLINE_BYTES - CHILDREN_ROOM - SHARED_ROOM;

const FIXED_ROOM = ROOT_PUBLIC_FIXED_BYTES + SEAL_TAG_BYTES + ROOT_PRIVATE_FIXED_ROOM;
const CONTENT_ROOM = ROOT_CONTENT_IDS * BLOCK_ID_BYTES;
/** What the largest root of each form leaves free; none may be negative. */
export const ROOT_SPARE_BYTES = {
  fileInline: CHUNK_BYTES - FIXED_ROOM - FILE_INLINE_BYTES,
  tableInline: CHUNK_BYTES - FIXED_ROOM - TABLE_INLINE_BYTES - CHILDREN_ROOM - SHARED_ROOM,
  tree: CHUNK_BYTES - FIXED_ROOM - CONTENT_ROOM - CHILDREN_ROOM - SHARED_ROOM,
} as const;
