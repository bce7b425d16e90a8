// The web server behind C tor's exits, a process of its own: GET /<bytes> answers with as many bytes.
// Prints its port; ends when its standard input closes.
import { randomFillSync } from "node:crypto";
import { createServer } from "node:http";

const CHUNK = randomFillSync(Buffer.alloc(64 * 1024));

const server = createServer((request, response) => {
  let left = Number(request.url?.slice(1));
  response.writeHead(200, { "content-length": left, connection: "close" });
  const more = () => {
    while (left > 0) {
      const chunk = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
      left -= chunk.length;
      if (!response.write(chunk)) return;
    }
    response.end();
  };
  response.on("drain", more);
  response.on("error", () => {});
  more();
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.resume().on("end", () => process.exit());
