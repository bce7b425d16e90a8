export * from "./block/block.ts";
export * from "./block/block-network.ts";
export * from "./block/location.ts";
