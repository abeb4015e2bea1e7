// What the server delivers, as a receiver verifies it with the package of Standard Webhooks; and the journal beside it.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

import { Webhook, WebhookVerificationError } from "standardwebhooks";

import * as waypost from "./generated/rest";
import { createClient } from "./generated/rest/client";
import { phone, server, token, until } from "./world";

interface Request {
  headers: IncomingHttpHeaders;
  body: string;
}

const requests: Request[] = [];
const receiver = createServer((request, answer) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (part: string) => (body += part));
  request.on("end", () => {
    requests.push({ headers: request.headers, body });
    answer.end();
  });
});
receiver.listen(0, "127.0.0.1");
await once(receiver, "listening");
const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;

/** The event in a request that carries this secret's signature. */
function verified(request: Request, secret: string): waypost.Event {
  const event = new Webhook(secret).verify(request.body, request.headers as Record<string, string>) as waypost.Event;
  assert.equal(request.headers["webhook-id"], event.id);
  return event;
}

const refuses = (check: () => unknown) => assert.throws(check, WebhookVerificationError);
const text = (event: waypost.Event) => (event.data as waypost.MessageEvent).text;
const arrives = (what: string, is_it: (event: waypost.Event) => boolean) =>
  until(what, async () => requests.find(({ body }) => is_it(JSON.parse(body) as waypost.Event)));

// A session with a webhook that gets everything.
const first = `whsec_${Buffer.from("twenty-four bytes or more").toString("base64")}`;
const client = createClient({ baseUrl: server, auth: token });
const sure = { client, path: { session_id: "hooked" }, throwOnError: true } as const;
const [ada, grace] = [await phone("15550100104", "Ada"), await phone("15550100105", "Grace")];
await waypost.createSession({ client, body: { id: "hooked" }, throwOnError: true });
const { data: webhook } = await waypost.createSessionWebhook({ ...sure, body: { url, secret: first } });
assert.deepEqual([webhook.events, webhook.has_secret], [["all"], true]);
const it = { ...sure, path: { ...sure.path, webhook_id: webhook.id } } as const;
assert.equal((await waypost.pingSessionWebhook(it)).data.status, 200);

// Each request verifies; one that was changed on the way, or is somebody else's, does not.
await ada.scan(await until("a QR code", async () => (await waypost.getSessionQr(sure)).data.qr_codes[0]));
await arrives("the login", ({ event }) => event === "connected");
for (const request of requests) {
  verified(request, first);
  refuses(() => verified({ ...request, body: request.body.replace("{", "{ ") }, first));
  refuses(() => verified(request, `whsec_${Buffer.alloc(24).toString("base64")}`));
  const { "x-webhook-timestamp": at, "x-webhook-signature": signature } = request.headers;
  const expected = createHmac("sha256", first).update(`${at}.${request.body}`).digest("hex");
  assert.equal(signature, `sha256=${expected}`);
}

// A message comes as the journal has it.
await grace.write("15550100104", "Hello");
const delivered = verified(await arrives("the message", (event) => text(event) === "Hello"), first);
const page = await waypost.listSessionEvents({ ...sure, query: { type: "message" } });
assert.deepEqual(page.data.events, [delivered]);

// Both secrets sign while the first one is being replaced.
const { data: rotated } = await waypost.rotateSessionWebhookSecret({ ...it, body: {} });
await grace.write("15550100104", "Again");
const again = await arrives("the message", (event) => text(event) === "Again");
assert.deepEqual(verified(again, first), verified(again, rotated.secret));

await waypost.deleteSession(sure);
receiver.close();
receiver.closeAllConnections();
