// An independent client, unmodified, against the simulator: it pairs, reads and writes, and nothing that it says is
// unknown to the simulator or breaks a rule there. Whatever both Waypost's library and the simulator have wrong, because
// they share code, shows here. Only loopback: Baileys is told its version, and asks nobody for it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { rmSync, mkdtempSync } from "node:fs";
import { Agent } from "node:https";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  DisconnectReason,
  downloadMediaMessage,
  makeWASocket,
  proto,
  useMultiFileAuthState,
  WA_CERT_DETAILS,
} from "baileys";

const LIMIT_MS = 75_000;
const OWN = "15550104001";
const OTHER = "15550104002";

assert(process.env.SIMULATOR_PHONES, "SIMULATOR_PHONES is not set");
const control = process.env.SIMULATOR_PHONES.replace(/\/phones$/, "");

async function simulator(method, path, body) {
  const answer = await fetch(`${control}${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
  assert(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

async function until(what, ask) {
  const limit = Date.now() + 20_000;
  for (;;) {
    const fact = await ask();
    if (fact) return fact;
    assert(Date.now() < limit, `not within 20 s: ${what}`);
    await pause(50);
  }
}

const said = [];
const quiet = () => {};
// Its Signal library writes whole sessions there.
console.info = quiet;
const shout = (...words) => said.push(words);
const logger = { level: "warn", trace: quiet, debug: quiet, info: quiet, warn: shout, error: shout, child: () => logger };

const { url, root_public_key } = await simulator("GET", "/server");
// The library verifies the whole certificate chain; only the key at its root is another one.
WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(root_public_key, "base64");
await simulator("POST", "/phones", { phone_number: OWN, push_name: "Ada" });
await simulator("POST", "/phones", { phone_number: OTHER, push_name: "Grace" });
const before = await simulator("GET", "/stats");

// The media hosts speak plain HTTP. Clients put https:// before their names, so the way there must not: for uploads an agent that opens
// a bare socket, for downloads a fetch that asks loopback without TLS.
const fetchAgent = new Agent();
fetchAgent.createConnection = (options) => net.createConnection(options);
const fetchAnywhere = globalThis.fetch;
globalThis.fetch = (url, options) => fetchAnywhere(String(url).replace(/^https:\/\/127\.0\.0\.1:/, "http://127.0.0.1:"), options);
// A square of one pixel, as PNG.
const PICTURE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

const store = mkdtempSync(join(tmpdir(), "baileys-"));
const { state, saveCreds } = await useMultiFileAuthState(store);
const received = [];
const statuses = new Map();
const groupReceipts = [];
const sent = new Map();
let socket;
let isOpen = false;
let isEnding = false;

function connect() {
  socket = makeWASocket({
    auth: state,
    logger,
    fetchAgent,
    version: [2, 3000, 1043857760],
    waWebSocketUrl: url,
    markOnlineOnConnect: true,
    getMessage: async (key) => sent.get(key.id),
  });
  socket.ev.on("creds.update", saveCreds);
  socket.ev.on("connection.update", async ({ connection, qr, lastDisconnect }) => {
    if (qr && !isEnding) await simulator("POST", `/phones/${OWN}/scan`, { qr }).catch(quiet); // a later one of the same pairing
    if (connection === "open") isOpen = true;
    if (connection === "close" && !isEnding) {
      const reason = lastDisconnect?.error?.output?.statusCode;
      assert.equal(reason, DisconnectReason.restartRequired, `closed with ${reason}`);
      connect();
    }
  });
  const note = (id, status) => statuses.set(id, Math.max(status ?? 0, statuses.get(id) ?? 0));
  // While it waits for history it holds events back, and then a status may come with the message itself.
  socket.ev.on("messages.upsert", ({ messages }) => {
    received.push(...messages);
    for (const { key, status } of messages) note(key.id, status);
  });
  socket.ev.on("message-receipt.update", (updates) => groupReceipts.push(...updates));
  socket.ev.on("messages.update", (updates) => {
    for (const { key, update } of updates) note(key.id, update.status);
  });
}

async function send(content, options, to = `${OTHER}@s.whatsapp.net`) {
  const message = await socket.sendMessage(to, content, options);
  sent.set(message.key.id, message.message);
  return message;
}

const inbox = (id) => async () =>
  (await simulator("GET", `/phones/${OTHER}/inbox`)).find((message) => message.id === id);
const reaches = (message, status) =>
  until(`${proto.WebMessageInfo.Status[status]}`, () => (statuses.get(message.key.id) ?? 0) >= status);

// A member's phone and Baileys write to a group, and read each other; a member that cannot read asks again.
async function inGroup() {
  const group = await simulator("POST", `/phones/${OTHER}/groups`, { subject: "Tea", members: [OWN] });
  const { ids } = await simulator("POST", `/phones/${OTHER}/messages`, { to: group.id, text: "hello all" });
  const hello = await until("the group's message", () => received.find((message) => message.key.id === ids[0]));
  assert.equal(hello.message.conversation, "hello all");
  for (const words of ["first", "second"]) {
    const text = await send({ text: words }, {}, group.id);
    const found = await until(`the ${words} text in the group`, inbox(text.key.id));
    assert.deepEqual([found.text, found.group, found.from], [words, group.id, OWN]);
    // While it holds events back, a receipt comes with the message itself.
    const about = () => [
      ...groupReceipts.filter(({ key }) => key.id === text.key.id).map(({ receipt }) => receipt),
      ...received.filter(({ key }) => key.id === text.key.id).flatMap(({ userReceipt }) => userReceipt ?? []),
    ];
    await until("the member's phone has it", () => about().find((receipt) => receipt.receiptTimestamp));
    await simulator("POST", `/phones/${OTHER}/receipts`, { kind: "read", message_ids: [text.key.id] });
    await until("the member has read it", () => about().find((receipt) => receipt.readTimestamp));
  }
  await simulator("POST", `/phones/${OTHER}/break-outbound`, {});
  const again = await send({ text: "once more, all" }, {}, group.id);
  assert.equal((await until("the answer in the group", inbox(again.key.id))).text, "once more, all");
}

// A picture goes up to the media host and is what the phone finds there; one of the phone comes down.
async function pictures() {
  const up = await send({ image: PICTURE, caption: "a dot", mimetype: "image/png", jpegThumbnail: "" });
  await until("the picture's arrival", inbox(up.key.id));
  const opened = await simulator("GET", `/phones/${OTHER}/files/${up.key.id}`);
  const sha256 = createHash("sha256").update(PICTURE).digest();
  assert.deepEqual([opened.verdict, opened.size_bytes, opened.caption], ["intact", PICTURE.length, "a dot"]);
  assert(opened.sha256 === sha256.toString("hex") || opened.sha256 === sha256.toString("base64"), opened.sha256);

  const data = PICTURE.toString("base64");
  const body = { to: OWN, kind: "file", file: "image", data, mimetype: "image/png" };
  const { ids } = await simulator("POST", `/phones/${OTHER}/messages`, body);
  const down = await until("the phone's picture", () => received.find((message) => message.key.id === ids[0]));
  const bytes = await downloadMediaMessage(down, "buffer", {});
  assert(PICTURE.equals(bytes), `${bytes.length} bytes came down`);
}

async function scenario() {
  const { SERVER_ACK, DELIVERY_ACK, READ } = proto.WebMessageInfo.Status;
  connect();
  await until("logged in", () => isOpen);
  assert.equal(socket.user.id.split(":")[0], OWN);

  const { ids } = await simulator("POST", `/phones/${OTHER}/messages`, { to: OWN, text: "hello" });
  const hello = await until("a message", () => received.find((message) => message.key.id === ids[0]));
  assert.equal(hello.message.conversation, "hello");

  const text = await send({ text: "hello yourself" });
  assert.equal((await until("the text's arrival", inbox(text.key.id))).text, "hello yourself");
  await reaches(text, SERVER_ACK);
  await reaches(text, DELIVERY_ACK);
  await simulator("POST", `/phones/${OTHER}/receipts`, { kind: "read", message_ids: [text.key.id] });
  await reaches(text, READ);

  const reply = await send({ text: "an answer" }, { quoted: hello });
  const answered = (await until("the reply's arrival", inbox(reply.key.id))).content;
  assert.deepEqual([answered.quoted.id, answered.quoted.text], [ids[0], "hello"]);
  const reaction = await send({ react: { text: "+", key: hello.key } });
  const about = (await until("the reaction's arrival", inbox(reaction.key.id))).content;
  assert.deepEqual([about.kind, about.emoji, about.target.id], ["reaction", "+", ids[0]]);
  const revoke = await send({ delete: text.key });
  assert.equal((await until("the revoke's arrival", inbox(revoke.key.id))).edit, "7");

  // The phone cannot read the next one, and asks for it.
  await simulator("POST", `/phones/${OTHER}/break-outbound`, {});
  const again = await send({ text: "once more" });
  assert.equal((await until("the answer to a retry receipt", inbox(again.key.id))).text, "once more");

  await inGroup();
  await pictures();

  // Refused.
  await simulator("POST", `/phones/${OWN}/message-faults`, { kind: "nack", code: 463 });
  const refused = await send({ text: "refused" });
  await until("the refusal", async () => {
    const copies = await simulator("GET", `/phones/${OWN}/sent`);
    return copies.find((message) => message.id === refused.key.id)?.outcomes[0].verdict.refused === 463;
  });

  const after = await simulator("GET", "/stats");
  assert.deepEqual(after.unknown.slice(before.unknown.length), []);
  assert.deepEqual(after.violations.slice(before.violations.length), []);
}

const limit = setTimeout(() => {
  console.error(`not within ${LIMIT_MS / 1000} s`, said);
  process.exit(1);
}, LIMIT_MS);
try {
  await scenario();
  console.log("baileys pairs, reads and writes, in a group and with pictures");
} catch (error) {
  console.error(error, ...said.slice(-20));
  process.exitCode = 1;
}
isEnding = true;
socket?.end(undefined);
clearTimeout(limit);
rmSync(store, { recursive: true, force: true });
// Its timers would keep the process for a while.
process.exit();
