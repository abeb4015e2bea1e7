// Serves the page and, from the same origin, the server's GraphQL: what a front end's own server does.
import { createServer, request } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

import { server } from "./world";

export async function serve(files: Record<string, { type: string; body: string }>) {
  const upstream = new URL(server);
  const sockets = new Set<Socket>();
  const web = createServer((asked, answer) => {
    const file = files[asked.url ?? ""];
    if (file) {
      answer.setHeader("content-type", file.type).end(file.body);
    } else if (asked.url?.startsWith("/graphql")) {
      const { method, headers, url } = asked;
      const onward = request(upstream, { method, headers, path: url }, (reply) => {
        answer.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(answer);
      });
      onward.on("error", () => answer.destroy());
      asked.pipe(onward);
    } else {
      answer.writeHead(404).end();
    }
  });
  web.on("upgrade", (asked, near: Socket, head) => {
    const far = connect(Number(upstream.port), upstream.hostname);
    const headers = asked.rawHeaders.map((text, at) => (at % 2 ? `${text}\r\n` : `${text}: `)).join("");
    far.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${headers}\r\n`);
    far.write(head);
    near.pipe(far).pipe(near);
    sockets.add(near);
    for (const [end, other] of [[near, far], [far, near]] as const) {
      end.on("error", () => {}).on("close", () => (sockets.delete(near), other.destroy()));
    }
  });
  await new Promise<void>((listening) => web.listen(0, "127.0.0.1", listening));
  return {
    address: `http://127.0.0.1:${(web.address() as AddressInfo).port}`,
    /** How many WebSockets are open. */
    open: () => sockets.size,
    /** Cuts every WebSocket, as a network does: without a close frame. */
    cut: () => {
      sockets.forEach((socket) => socket.destroy());
      sockets.clear();
    },
    stop: () => web.close().closeAllConnections(),
  };
}
