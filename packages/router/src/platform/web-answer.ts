import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

const BODY =
  "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<h1>Not Found</h1>\r\n</body>\r\n</html>\r\n";

/** What anybody gets who speaks plain HTTP to a node: the page of a web server that has nothing there. */
export function answerPlainRequest(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404, { "Content-Type": "text/html", "Content-Length": BODY.length });
  response.end(request.method === "HEAD" ? undefined : BODY);
}

/** The same page for an upgrade that is refused, for whatever reason, and the end of the connection. */
export function refuseUpgrade(socket: Duplex): void {
  const head = [
    "HTTP/1.1 404 Not Found",
    "Content-Type: text/html",
    `Content-Length: ${BODY.length}`,
    `Date: ${new Date().toUTCString()}`,
    "Connection: close",
  ];
  socket.on("error", () => {});
  socket.end(`${head.join("\r\n")}\r\n\r\n${BODY}`, () => socket.destroy());
}
