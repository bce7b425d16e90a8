import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { afterAll, expect, test } from "vitest";
import { waitFor } from "../../../../test/support/wait-for.ts";
import { createWsTransport } from "../../src/platform/ws-node.ts";

const folder = mkdtempSync(join(tmpdir(), "umbel-tls-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A certificate that nobody signed, or undefined where there is no openssl. */
function selfSigned(): { key: Buffer; cert: Buffer } | undefined {
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"];
  try {
    execFileSync("openssl", ["req", ...options, "-subj", "/CN=x", "-keyout", key, "-out", cert], {
      stdio: "ignore",
    });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } catch {
    return undefined;
  }
}

const certificate = selfSigned();

test.skipIf(!certificate)(
  "a node behind a TLS proxy is reached by wss, whatever its certificate (needs openssl)",
  async () => {
    const transport = createWsTransport();
    const listener = await transport.listen("ws://127.0.0.1:0", (connection) => ({
      message: (bytes) => void connection.send(bytes),
      drained() {},
      closed() {},
    }));
    const sockets: Socket[] = [];
    const proxy = createServer({ ...certificate }, (inward) => {
      const outward = connect(Number(new URL(listener.url).port), "127.0.0.1");
      inward.pipe(outward).pipe(inward);
      for (const socket of [inward, outward]) socket.on("error", () => {});
      sockets.push(inward, outward);
    });
    await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
    const heard: string[] = [];
    const { port } = proxy.address() as { port: number };
    const connection = transport.dial(`wss://127.0.0.1:${port}`, {
      opened: () => heard.push("opened"),
      message: (bytes) => heard.push(`message ${bytes[0]}`),
      drained() {},
      closed: () => heard.push("closed"),
    });
    connection.send(Uint8Array.of(7));
    await waitFor(() => heard.length === 2);
    expect(heard).toEqual(["opened", "message 7"]);
    await listener.close();
    await waitFor(() => heard.includes("closed"));
    for (const socket of sockets) socket.destroy();
    proxy.close();
  },
);
