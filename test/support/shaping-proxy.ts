import { connect, createServer, type Socket } from "node:net";

/** How a proxy treats what passes. */
export interface ShapingOptions {
  /** Where connections go on to: a port of 127.0.0.1. */
  readonly port: number;
  /** Each way, in ms. */
  readonly delay: number;
  /** Width of the line from the target back to whoever connects, for all connections together; the other way is endless. */
  readonly bitsPerSecond: number;
}

/** Bytes that wait at the line before the proxy reads no more from the target: what a router would queue. */
const BACKLOG_BYTES = 2 ** 20;

/** A TCP proxy on 127.0.0.1 that delays what passes and narrows the line back. */
export async function startShapingProxy({ port, delay, bitsPerSecond }: ShapingOptions) {
  const bytesPerMs = bitsPerSecond / 8000;
  const sockets = new Set<Socket>();
  let free = 0;

  /** When `bytes` that come now have passed the line. */
  function throughLine(bytes: number): number {
    free = Math.max(performance.now(), free) + bytes / bytesPerMs;
    return free;
  }

  function pipe(from: Socket, to: Socket, leaves: (bytes: number) => number): void {
    const line = createDelayLine((data) => to.write(data));
    let waiting = 0;
    from.on("data", (data) => {
      waiting += data.length;
      if (waiting > BACKLOG_BYTES) from.pause();
      const at = leaves(data.length);
      setTimeout(() => {
        waiting -= data.length;
        if (waiting < BACKLOG_BYTES / 2) from.resume();
      }, at - performance.now());
      line.add(data, at + delay);
    });
    from.on("close", () => setTimeout(() => to.destroy(), delay));
    from.on("error", () => from.destroy());
  }

  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      sockets.add(socket);
    }
    pipe(near, far, () => performance.now());
    pipe(far, near, throughLine);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    stop(): void {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Hands data on at its time and never out of order, which timers of their own would not keep. */
function createDelayLine(deliver: (data: Buffer) => void) {
  const held: { readonly data: Buffer; readonly due: number }[] = [];
  let armed = false;
  const run = (): void => {
    armed = false;
    while (held[0] !== undefined && held[0].due <= performance.now()) deliver(held.shift()!.data);
    arm();
  };
  const arm = (): void => {
    if (armed || held[0] === undefined) return;
    armed = true;
    setTimeout(run, Math.max(1, held[0].due - performance.now()));
  };
  return {
    add(data: Buffer, due: number): void {
      held.push({ data, due });
      arm();
    },
  };
}
