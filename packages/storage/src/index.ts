export * from "./block/block-network.ts";
