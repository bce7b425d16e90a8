// Places in the memory of the erasure kernel, in bytes: 25 pages of 64 KiB. Exported for packages/storage/src/erasure/kernel.ts.

/** Rows and columns of the code. */
export const MOST: i32 = 128;
/** Bytes of each block that are worked on at once: 128 sources and 128 targets are 1 MiB, which stays in a cache. */
export const TILE: i32 = 4096;
/** Bytes of each block that are in planes at once: 8 planes of 4 vectors. */
export const STRIP: i32 = 512;
/** Columns whose tables stand ready at once. */
export const COLUMNS: i32 = 8;
/** Sums of 4 planes: 16 entries of one plane (64 bytes). */
export const TABLE_BYTES: i32 = 1024;

/** Two tables for each of COLUMNS sources: planes 0 to 3, planes 4 to 7. Addresses below 2^16, so that the program fits. */
export const TABLES: i32 = 0;
/** For each coefficient and each plane of the product a byte: the planes of the source that are its sum. */
export const PLANE_SUMS: i32 = TABLES + COLUMNS * 2 * TABLE_BYTES;
/** The products of one coefficient with 0 to 15, and with 16 times that. */
export const PRODUCTS: i32 = PLANE_SUMS + 256 * 8;
/** A byte for each target and source, target by target. */
export const COEFFICIENTS: i32 = PRODUCTS + 32;
/** Two addresses in TABLES (u16) for each target, source and plane. */
export const PROGRAM: i32 = COEFFICIENTS + MOST * MOST;
/** Sources, TILE apart; or one whole block. */
export const SOURCES: i32 = PROGRAM + MOST * MOST * 32;
/** Targets, TILE apart; or one whole block. */
export const TARGETS: i32 = SOURCES + MOST * TILE;
export const END: i32 = TARGETS + MOST * TILE;
