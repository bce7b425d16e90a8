export * from "./block/block.ts";
export * from "./block/block-network.ts";
export * from "./block/location.ts";
export * from "./format/path.ts";
export * from "./format/tree-shape.ts";
export * from "./limits.ts";
