export * from "./machine.ts";
export * from "./node/overlay.ts";
export * from "./transport/memory-transport.ts";
export * from "./transport/transport.ts";
