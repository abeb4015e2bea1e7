// From Baileys to Waypost: what Baileys sends is what each door tells in its events and lists, and what the media route serves.
import assert from "node:assert/strict";
import { proto } from "baileys";

import { arrives, jid, OTHER, OWN, send, sendRaw, sha256 } from "./client.mjs";
import { each, event, fileOf, hears, includes, kept, listed, say, SHOP, WAYPOST } from "./waypost.mjs";

const vcard = (name, number) => `BEGIN:VCARD\nVERSION:3.0\nFN:${name}\nTEL;type=CELL;waid=${number}:+${number}\nEND:VCARD`;
const media = (kind, bytes, mimetype, more = {}) => {
  const file = { file_length: bytes.length, file_sha256: sha256(bytes) };
  return { kind, mimetype, ...file, ...more };
};

/** A row: what Baileys sends, and what Waypost says of it. The bytes of `file` are those that come back. */
function kinds({ picture, sticker, document, video, voice }, greeting) {
  const card = (name, number) => ({ displayName: name, vcard: vcard(name, number) });
  const film = { video, mimetype: "video/mp4", seconds: 3, jpegThumbnail: "" };
  return [
    { name: "text", content: { text: "good evening" }, type: "text", expect: { text: "good evening" } },
    {
      name: "reply",
      content: { text: "the same to you" },
      options: { quoted: greeting },
      type: "text",
      expect: { text: "the same to you", quoted: { message_id: greeting.key.id, text: "hello, Ada" } },
    },
    {
      name: "mention",
      content: { text: `@${WAYPOST} look`, mentions: [SHOP] },
      type: "text",
      expect: { mentioned: [{ phone_number: WAYPOST }] },
    },
    {
      name: "image",
      content: { image: picture, caption: "the sea", mimetype: "image/jpeg", width: 64, height: 48 },
      type: "image",
      file: picture,
      expect: { caption: "the sea", media: media("image", picture, "image/jpeg", { width: 64, height: 48 }) },
    },
    {
      name: "view once",
      content: { image: picture, viewOnce: true },
      type: "image",
      file: picture,
      expect: { is_view_once: true },
    },
    {
      name: "video",
      content: { ...film, caption: "waves" },
      type: "video",
      file: video,
      expect: { caption: "waves", media: media("video", video, "video/mp4", { seconds: 3 }) },
    },
    {
      name: "gif",
      content: { ...film, gifPlayback: true },
      type: "video",
      file: video,
      expect: { media: media("video", video, "video/mp4") },
    },
    {
      name: "ptv",
      content: { ...film, ptv: true },
      type: "video",
      file: video,
      expect: { media: media("video", video, "video/mp4") },
    },
    {
      name: "audio",
      content: { audio: voice, mimetype: "audio/ogg", seconds: 3 },
      type: "audio",
      file: voice,
      expect: { media: media("audio", voice, "audio/ogg", { seconds: 3 }) },
    },
    {
      name: "voice",
      content: { audio: voice, ptt: true, seconds: 3, waveform: new Uint8Array(64), mimetype: "audio/ogg; codecs=opus" },
      type: "voice",
      file: voice,
      expect: { media: media("voice", voice, "audio/ogg; codecs=opus", { seconds: 3 }) },
    },
    {
      name: "document",
      content: { document, fileName: "bill.pdf", mimetype: "application/pdf", caption: "the bill" },
      type: "document",
      file: document,
      expect: { caption: "the bill", media: media("document", document, "application/pdf", { file_name: "bill.pdf" }) },
    },
    {
      name: "sticker",
      content: { sticker },
      type: "sticker",
      file: sticker,
      expect: { media: media("sticker", sticker, "image/webp") },
    },
    {
      name: "location",
      content: { location: { degreesLatitude: 52.5, degreesLongitude: 13.25, name: "Quay", address: "1 Quay Road" } },
      type: "location",
      expect: { location: { latitude: 52.5, longitude: 13.25, name: "Quay", address: "1 Quay Road" } },
    },
    {
      name: "contact",
      content: { contacts: { contacts: [card("Grace", OTHER)] } },
      type: "contacts",
      expect: { contacts: [{ display_name: "Grace", vcard: vcard("Grace", OTHER) }] },
    },
    {
      name: "contacts",
      content: { contacts: { displayName: "two", contacts: [card("Grace", OTHER), card("Ada", OWN)] } },
      type: "contacts",
      expect: { contacts: [{ display_name: "Grace" }, { display_name: "Ada" }] },
    },
    {
      name: "poll",
      content: { poll: { name: "Tea?", values: ["yes", "no"], selectableCount: 1 } },
      type: "poll",
      expect: { poll: { name: "Tea?", options: ["yes", "no"], selectable_count: 1 } },
    },
    {
      name: "poll with several choices",
      content: { poll: { name: "When?", values: ["Mon", "Tue", "Wed"], selectableCount: 0 } },
      type: "poll",
      expect: { poll: { name: "When?", options: ["Mon", "Tue", "Wed"], selectable_count: 0 } },
    },
    {
      name: "event",
      content: {
        event: {
          name: "Regatta",
          description: "bring a coat",
          startDate: new Date(1900000000000),
          location: { degreesLatitude: 52.5, degreesLongitude: 13.25 },
        },
      },
      type: "appointment",
      expect: {
        appointment: { name: "Regatta", description: "bring a coat", starts_at: 1900000000, place: { latitude: 52.5 } },
      },
    },
    {
      name: "forward",
      content: { forward: greeting, force: true },
      type: "text",
      expect: { text: "hello, Ada", forward: { score: 1 } },
    },
    {
      name: "reaction",
      content: { react: { text: "\u{1f44d}", key: greeting.key } },
      type: "reaction",
      expect: { reaction: { message_id: greeting.key.id, emoji: "\u{1f44d}", is_to_me: true } },
    },
    {
      name: "pin",
      content: { pin: greeting.key, type: 1, time: 604800 },
      type: "pin",
      expect: { pin: { message_id: greeting.key.id, is_pinned: true } },
    },
    {
      name: "unpin",
      content: { pin: greeting.key, type: 2 },
      type: "pin",
      expect: { pin: { message_id: greeting.key.id, is_pinned: false } },
    },
  ];
}

/** One message for both doors: it is sent for the first of them. */
async function kind(row, door) {
  row.sent ??= await send(row.content, row.options, SHOP);
  const { id } = row.sent.key;
  const told = await hears(door, id);
  includes(told, { message_type: row.type, is_from_me: false, is_group: false, sender: { phone_number: OWN }, ...row.expect });
  includes(await kept(door, id), { id, type: row.type, direction: "incoming" });
  if (row.file && door === "rest") assert.equal(await fileOf(id), sha256(row.file));
}

// A copy of each key: Baileys writes that of a removal into the message that was removed.
const CHANGES = [
  { name: "edit", run: async (door) => {
    const first = await send({ text: "said badly" }, {}, SHOP);
    const key = { ...first.key };
    await hears(door, key.id);
    const edit = await send({ text: "said better", edit: key }, {}, SHOP);
    includes(await hears(door, edit.key.id), { message_type: "edit", text: "said better", edit: { message_id: key.id } });
    includes(await kept(door, key.id), { type: "text", text: "said better" });
  } },
  { name: "revoke", run: async (door) => {
    const first = await send({ text: "not meant" }, {}, SHOP);
    const key = { ...first.key };
    await hears(door, key.id);
    const revoke = await send({ delete: key }, {}, SHOP);
    includes(await hears(door, revoke.key.id), { message_type: "revoke", revoke: { message_id: key.id } });
    includes(await kept(door, key.id), { type: "text", text: null });
  } },
  { name: "timer and keep", run: async (door) => {
    const seconds = door === "rest" ? 604800 : 86400;
    await send({ disappearingMessagesInChat: seconds }, {}, SHOP);
    const isOurs = (it) => it.author?.phone_number === OWN && it.is_default === false;
    const begin = await event(door, "the timer", (it) => it.seconds === seconds && isOurs(it));
    const passing = await send({ text: "for some days" }, { ephemeralExpiration: seconds }, SHOP);
    includes(await hears(door, passing.key.id), { text: "for some days", disappearing: { seconds } });
    const timestampMs = Date.now();
    const keepInChatMessage = { key: passing.key, keepType: proto.KeepType.KEEP_FOR_ALL, timestampMs };
    const keep = await sendRaw(SHOP, { keepInChatMessage });
    includes(await hears(door, keep.key.id), { message_type: "keep", keep: { message_id: passing.key.id, is_kept: true } });
    // An answer of Waypost keeps to the timer that Baileys has set.
    const answer = await arrives((await say(door, OWN, { type: "text", text: "while it lasts" })).id);
    assert.equal(answer.message.extendedTextMessage?.contextInfo?.expiration, seconds);
    await send({ disappearingMessagesInChat: false }, {}, SHOP);
    const isLater = (at, all) => at > all.indexOf(begin);
    await event(door, "the end of the timer", (it, at, all) => it.seconds === 0 && isOurs(it) && isLater(at, all));
  } },
];

/** All that came is in the list of messages as well. */
async function inList({ rows }, door) {
  const types = await listed(door);
  for (const { name, type, sent } of rows) assert.equal(types.get(sent.key.id), type, name);
}

export async function incoming(samples) {
  const { id } = await say("rest", OWN, { type: "text", text: "hello, Ada" });
  const rows = kinds(samples, await arrives(id));
  return [
    ...(await each(rows, kind)),
    ...(await each([{ name: "list of messages", rows }], inList)),
    ...(await each(CHANGES, ({ run }, door) => run(door))),
  ];
}
