// A session of Waypost as the other person, through both doors. A table says things once, in the words of REST; here
// they become those of GraphQL, and its answers become those of REST again.
import assert from "node:assert/strict";

import { jid, sha256, simulator, until } from "./client.mjs";

/** The account of the session. */
export const WAYPOST = "15550104003";
const SESSION = "baileys";
export const DOORS = ["rest", "graphql"];

assert(process.env.WAYPOST_URL && process.env.WAYPOST_ADMIN_TOKEN, "WAYPOST_URL or WAYPOST_ADMIN_TOKEN is not set");
const server = process.env.WAYPOST_URL;
const headers = { authorization: `Bearer ${process.env.WAYPOST_ADMIN_TOKEN}`, "content-type": "application/json" };

export async function rest(method, path, body) {
  const request = { method, headers, ...(body && { body: JSON.stringify(body) }) };
  const answer = await fetch(`${server}/api/v1/sessions/${SESSION}${path}`, request);
  assert(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

export async function graphql(query, variables) {
  const body = JSON.stringify({ query, variables });
  const answer = await (await fetch(`${server}/graphql`, { method: "POST", headers, body })).json();
  assert(!answer.errors, JSON.stringify(answer.errors));
  return answer.data;
}

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const moment = (name, value) => (name.endsWith("_at") ? new Date(value * 1000).toISOString() : value);
function inGraphql(value) {
  if (Array.isArray(value)) return value.map(inGraphql);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, it]) => [camel(name), inGraphql(moment(name, it))]));
}
const ENUMS = ["type", "messageType", "kind", "state", "answer", "direction", "status"];
function asInRest(value) {
  if (Array.isArray(value)) return value.map(asInRest);
  if (value === null || typeof value !== "object") return value;
  const word = (name, it) => {
    if (typeof it !== "string") return asInRest(it);
    if (ENUMS.includes(name)) return it.toLowerCase();
    return name.endsWith("sAt") ? Date.parse(it) / 1000 : it;
  };
  return Object.fromEntries(Object.entries(value).map(([name, it]) => [snake(name), word(name, it)]));
}

const MESSAGE = "id type direction chat sender text targetId replyTo status failed { code }";

/** Sends a message: `content` and what stands beside it, as in REST. */
export async function say(door, to, { type, ...content }, beside = {}) {
  const message =
    door === "rest"
      ? await rest("POST", "/messages", { to, content: { type, ...content }, ...beside })
      : asInRest(
          (
            await graphql(`mutation($input: SendMessageInput!) { sendMessage(input: $input) { ${MESSAGE} } }`, {
              input: { sessionId: SESSION, to, content: { [type]: inGraphql(content) }, ...inGraphql(beside) },
            })
          ).sendMessage,
        );
  assert(["sent", "delivered", "read"].includes(message.status), JSON.stringify(message));
  return message;
}

const ACTIONS = {
  react: ["PUT", "reaction", "reactToMessage", "ReactToMessageInput"],
  unreact: ["DELETE", "reaction", "removeReaction", "ChangeMessageInput"],
  edit: ["POST", "edit", "editMessage", "EditMessageInput"],
  revoke: ["POST", "revoke", "revokeMessage", "ChangeMessageInput"],
  forward: ["POST", "forward", "forwardMessage", "ForwardMessageInput"],
  pin: ["PUT", "pin", "pinMessage", "PinMessageInput"],
  unpin: ["DELETE", "pin", "unpinMessage", "ChangeMessageInput"],
  keep: ["PUT", "keep", "keepMessage", "ChangeMessageInput"],
  unkeep: ["DELETE", "keep", "unkeepMessage", "ChangeMessageInput"],
  vote: ["PUT", "vote", "vote", "VoteInput"],
  attend: ["PUT", "attendance", "setAttendance", "SetAttendanceInput"],
};

/** Does something to a message. */
export async function act(door, action, id, more = {}) {
  const [method, path, mutation, input] = ACTIONS[action];
  if (door === "rest") return rest(method, `/messages/${id}/${path}`, method === "DELETE" ? undefined : more);
  const words = inGraphql(more.answer ? { ...more, answer: more.answer.toUpperCase() } : more);
  const query = `mutation($input: ${input}!) { ${mutation}(input: $input) { ${MESSAGE} } }`;
  return asInRest((await graphql(query, { input: { sessionId: SESSION, id, ...words } }))[mutation]);
}

/** Sets after how many seconds the messages of a chat disappear. */
export async function setTimer(door, chat, seconds) {
  if (door === "rest") return (await rest("PUT", `/chats/${chat}/timer`, { seconds })).message;
  const query = `mutation($input: SetChatTimerInput!) { setChatTimer(input: $input) { message { ${MESSAGE} } } }`;
  return (await graphql(query, { input: { sessionId: SESSION, chatId: chat, seconds } })).setChatTimer.message;
}

const WHICH = `{ sessions: ["${SESSION}"], types: [MESSAGE, DISAPPEARING_UPDATE] }`;
const EVENT = `query($after: String) { events(first: 10, after: $after, filter: ${WHICH}) {
  nextCursor nodes { event data { __typename
    ... on DisappearingUpdateEvent { chat seconds isDefault author { phoneNumber } }
    ... on MessageEvent {
      messageId chat isFromMe isGroup isViewOnce messageType text caption sender { phoneNumber lid } mentioned { phoneNumber }
      media { kind mimetype fileLength fileSha256 fileName seconds width height }
      location { latitude longitude name address } quoted { messageId text author { phoneNumber } }
      reaction { messageId emoji isToMe } edit { messageId } revoke { messageId }
      poll { name options voteOn selectableCount vote { state chosen { option } } }
      contacts { displayName vcard } forward { score } disappearing { seconds } pin { messageId isPinned } keep { messageId isKept }
      album { messageId } appointment { name description startsAt place { latitude } } attendance { messageId answer state }
    } } } } }`;

// What both doors have told so far, and where to go on.
const told = { rest: { events: [], after: undefined }, graphql: { events: [], after: undefined } };

/** The first event of which `suits` is true, as the door tells it. */
export const event = (door, what, suits) =>
  until(`${what} at ${door}`, async () => {
    const so = told[door];
    const found = so.events.find(suits);
    if (found) return found;
    if (door === "rest") {
      const after = so.after ? `&after=${encodeURIComponent(so.after)}` : "";
      const page = await rest("GET", `/events?limit=100&type=message,disappearing_update${after}`);
      so.after = page.next_cursor;
      so.events.push(...page.events.map(({ data }) => data));
    } else {
      const { events } = await graphql(EVENT, { after: so.after });
      so.after = events.nextCursor;
      so.events.push(...events.nodes.map(({ data }) => asInRest(data)));
    }
    return so.events.find(suits);
  });
export const hears = (door, id) => event(door, `message ${id}`, (data) => data.message_id === id && data.message_type);

/** A message as the list of messages has it. */
export async function kept(door, id) {
  if (door === "rest") return rest("GET", `/messages/${id}`);
  const query = `query($s: ID!, $id: ID!) { message(sessionId: $s, id: $id) { ${MESSAGE} } }`;
  return asInRest((await graphql(query, { s: SESSION, id })).message);
}

/** The types of the newest messages that came in, by id, as the door lists them. */
export async function listed(door) {
  const query = `query($s: ID!) { messages(sessionId: $s, first: 100, filter: { direction: INCOMING }) { nodes { id type } } }`;
  const ask = async () => asInRest((await graphql(query, { s: SESSION })).messages.nodes);
  const messages = door === "rest" ? (await rest("GET", "/messages?direction=incoming&limit=100")).messages : await ask();
  return new Map(messages.map(({ id, type }) => [id, type]));
}

/** Who has chosen each option of a poll. */
export async function votes(door, id) {
  const query = "query($s: ID!, $id: ID!) { messageVotes(sessionId: $s, id: $id) { options { option voters { phoneNumber } } } }";
  const ask = async () => asInRest((await graphql(query, { s: SESSION, id })).messageVotes);
  const { options } = door === "rest" ? await rest("GET", `/messages/${id}/votes`) : await ask();
  const numbers = (voters) => voters.map(({ phone_number }) => phone_number).sort();
  return Object.fromEntries(options.map(({ option, voters }) => [option, numbers(voters)]));
}

/** The SHA-256 of a message's file, as it is served. Bytes go over REST only. */
export async function fileOf(id) {
  const answer = await fetch(`${server}/api/v1/sessions/${SESSION}/messages/${id}/media`, { headers });
  assert(answer.ok, `${id}: ${answer.status} ${await answer.clone().text()}`);
  return sha256(Buffer.from(await answer.arrayBuffer()));
}

/** Creates the session, and lets its phone scan the code. */
export async function link() {
  const body = JSON.stringify({ id: SESSION, name: "Shop", send_rate: 0 });
  const answer = await fetch(`${server}/api/v1/sessions`, { method: "POST", headers, body });
  assert.equal(answer.status, 201, await answer.text());
  const qr = await until("a QR code", async () => (await rest("GET", "/qr").catch(() => undefined))?.qr_codes?.[0]);
  await simulator("POST", `/phones/${WAYPOST}/scan`, { qr });
  await until("the session is logged in", async () => (await rest("GET", "/status")).status === "logged_in");
}

/** That `actual` has all of `expected`: what a table does not name is free. */
export function includes(actual, expected, at = "") {
  const said = `${at}: ${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`;
  if (expected === null || typeof expected !== "object") return assert.deepEqual(actual, expected, said);
  assert(actual !== null && typeof actual === "object", said);
  if (Array.isArray(expected)) assert.equal(actual.length, expected.length, said);
  for (const [name, it] of Object.entries(expected)) includes(actual[name], it, `${at}.${name}`);
}

/** Does each of it, and says what failed: one kind that fails hides no other. */
export async function each(rows, attempt) {
  const failures = [];
  for (const row of rows)
    for (const door of DOORS)
      await attempt(row, door).catch((error) => {
        failures.push(new Error(`${row.name}, ${door}: ${error.message.slice(0, 900)}`, { cause: error }));
      });
  return failures;
}

export const SHOP = jid(WAYPOST);
