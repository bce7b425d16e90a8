export * from "./machine.ts";
export * from "./node/overlay.ts";
export * from "./transport/transport.ts";
