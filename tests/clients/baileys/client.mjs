// Baileys as it comes from npm, as one person's linked device, and the simulator that it talks to. Only loopback: Baileys
// is told its version, and asks nobody for it.
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
  normalizeMessageContent,
  useMultiFileAuthState,
  WA_CERT_DETAILS,
} from "baileys";

/** The account of Baileys. */
export const OWN = "15550104001";
/** Somebody with a phone of the simulator. */
export const OTHER = "15550104002";
export const jid = (number) => `${number}@s.whatsapp.net`;
export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

assert(process.env.SIMULATOR_PHONES, "SIMULATOR_PHONES is not set");
const control = process.env.SIMULATOR_PHONES.replace(/\/phones$/, "");

export async function simulator(method, path, body) {
  const answer = await fetch(`${control}${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
  assert(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

/** Asks until the answer is a fact, for at most 20 s. */
export async function until(what, ask) {
  const limit = Date.now() + 20_000;
  for (;;) {
    const fact = await ask();
    if (fact) return fact;
    assert(Date.now() < limit, `not within 20 s: ${what}`);
    await pause(50);
  }
}

/** What Baileys has complained about. */
export const said = [];
const quiet = () => {};
// Its Signal library writes whole sessions there.
console.info = quiet;
const shout = (...words) => said.push(words);
const logger = { level: "warn", trace: quiet, debug: quiet, info: quiet, warn: shout, error: shout, child: () => logger };

const { url, root_public_key } = await simulator("GET", "/server");
// The library verifies the whole certificate chain; only the key at its root is another one.
WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(root_public_key, "base64");

// The media hosts speak plain HTTP. Clients put https:// before their names, so the way there must not: for uploads an agent that opens
// a bare socket, for downloads a fetch that asks loopback without TLS.
const fetchAgent = new Agent();
fetchAgent.createConnection = (options) => net.createConnection(options);
const fetchAnywhere = globalThis.fetch;
globalThis.fetch = (url, options) => {
  return fetchAnywhere(String(url).replace(/^https:\/\/127\.0\.0\.1:/, "http://127.0.0.1:"), options);
};

const store = mkdtempSync(join(tmpdir(), "baileys-"));
const { state, saveCreds } = await useMultiFileAuthState(store);
/** The messages that have come, its own included. */
export const received = [];
/** The highest status of each message. */
export const statuses = new Map();
export const groupReceipts = [];
/** What has become of messages: edits, removals, answers to invitations. */
export const updates = [];
const sent = new Map();
export let socket;
let isOpen = false;
let isEnding = false;

export function connect() {
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
  socket.ev.on("message-receipt.update", (changes) => groupReceipts.push(...changes));
  socket.ev.on("messages.update", (changes) => {
    updates.push(...changes);
    for (const { key, update } of changes) note(key.id, update.status);
  });
  return until("logged in", () => isOpen);
}

export function disconnect() {
  isEnding = true;
  socket?.end(undefined);
  rmSync(store, { recursive: true, force: true });
}

export async function send(content, options, to = jid(OTHER)) {
  const message = await socket.sendMessage(to, content, options);
  sent.set(message.key.id, message.message);
  return message;
}

/** Sends what `sendMessage` has no words for. */
export async function sendRaw(to, message, additionalAttributes) {
  const id = await socket.relayMessage(to, message, { ...(additionalAttributes && { additionalAttributes }) });
  sent.set(id, message);
  return { key: { id, remoteJid: to, fromMe: true }, message };
}

/** Whether Baileys has sent the message with this id. */
export const isOwn = (id) => sent.has(id);

/** The message with this id, once Baileys has opened it. */
export const arrives = (id) =>
  until(`Baileys gets ${id}`, () => received.find(({ key, message }) => key.id === id && message));

/** What a message says, without the envelopes around it. */
export const within = ({ message }) => normalizeMessageContent(message);

/** Downloads the file of a message: whoever sent it has named its SHA-256. */
export async function download(message, content) {
  const bytes = await downloadMediaMessage(message, "buffer", {});
  assert.equal(sha256(bytes), Buffer.from(content.fileSha256).toString("hex"));
  assert.equal(bytes.length, Number(content.fileLength));
  return bytes;
}
