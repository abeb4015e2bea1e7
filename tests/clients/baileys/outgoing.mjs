// From Waypost to Baileys: what is sent through each door is what Baileys opens, field by field and byte by byte.
import assert from "node:assert/strict";
import { decryptEventResponse, proto } from "baileys";

import { arrives, download, jid, OWN, OTHER, send, sha256, until, updates, within } from "./client.mjs";
import { chosen, voteOf } from "./votes.mjs";
import { act, each, hears, includes, say, setTimer, SHOP, votes, WAYPOST } from "./waypost.mjs";

const { REVOKE, MESSAGE_EDIT, EPHEMERAL_SETTING } = proto.Message.ProtocolMessage.Type;
const data = (bytes) => ({ data: bytes.toString("base64") });

/** A row: what is sent, in which field of the protocol Baileys finds it, and what is there. `bytes` come down unchanged. */
function kinds({ picture, sticker, document, video, voice }, hello) {
  const film = { mimetype: "video/mp4", seconds: 3 };
  const card = (name, number) => ({ name, phones: [{ number }] });
  return [
    {
      name: "text",
      content: { type: "text", text: "good morning" },
      field: "extendedTextMessage",
      expect: { text: "good morning" },
    },
    {
      name: "reply",
      content: { type: "text", text: "and to you" },
      beside: { reply_to: hello.key.id },
      field: "extendedTextMessage",
      expect: {
        text: "and to you",
        contextInfo: { stanzaId: hello.key.id, quotedMessage: { extendedTextMessage: { text: "hello, shop" } } },
      },
    },
    {
      name: "mention",
      content: { type: "text", text: `@${OWN} look` },
      beside: { mentions: [OWN] },
      field: "extendedTextMessage",
      expect: { text: `@${OWN} look`, contextInfo: { mentionedJid: [jid(OWN)] } },
    },
    {
      name: "image",
      content: { type: "image", media: data(picture), caption: "the sea" },
      field: "imageMessage",
      file: true,
      expect: { caption: "the sea", mimetype: "image/jpeg", width: 64, height: 48 },
    },
    {
      name: "view once",
      content: { type: "image", media: data(picture), view_once: true },
      field: "imageMessage",
      file: true,
      expect: { viewOnce: true, mimetype: "image/jpeg" },
    },
    {
      name: "video",
      content: { type: "video", media: data(video), caption: "waves" },
      field: "videoMessage",
      file: video,
      expect: { ...film, caption: "waves" },
    },
    {
      name: "gif",
      content: { type: "gif", media: data(video) },
      field: "videoMessage",
      file: video,
      expect: { mimetype: "video/mp4", gifPlayback: true },
    },
    { name: "ptv", content: { type: "ptv", media: data(video) }, field: "ptvMessage", file: video, expect: film },
    {
      name: "audio",
      content: { type: "audio", media: data(voice) },
      field: "audioMessage",
      file: voice,
      expect: { ptt: false, seconds: 3 },
    },
    {
      name: "voice",
      content: { type: "voice", media: data(voice) },
      field: "audioMessage",
      file: true,
      expect: { ptt: true, seconds: 3, mimetype: "audio/ogg; codecs=opus" },
    },
    {
      name: "document",
      content: { type: "document", media: data(document), file_name: "bill.pdf", caption: "the bill" },
      field: "documentMessage",
      file: document,
      expect: { fileName: "bill.pdf", caption: "the bill", mimetype: "application/pdf" },
    },
    {
      name: "sticker",
      content: { type: "sticker", media: data(sticker) },
      field: "stickerMessage",
      file: true,
      expect: { mimetype: "image/webp", width: 512, height: 512 },
    },
    {
      name: "location",
      content: { type: "location", latitude: 52.5, longitude: 13.25, name: "Quay", address: "1 Quay Road" },
      field: "locationMessage",
      expect: { degreesLatitude: 52.5, degreesLongitude: 13.25, name: "Quay", address: "1 Quay Road" },
    },
    {
      name: "contact",
      content: { type: "contact", contacts: [card("Grace", OTHER)] },
      field: "contactMessage",
      expect: { displayName: "Grace" },
    },
    {
      name: "contacts",
      content: { type: "contact", contacts: [card("Grace", OTHER), card("Ada", OWN)] },
      field: "contactsArrayMessage",
      expect: { contacts: [{ displayName: "Grace" }, { displayName: "Ada" }] },
    },
    {
      name: "poll",
      content: { type: "poll", question: "Tea?", options: ["yes", "no"], max_choices: 1 },
      field: "pollCreationMessageV3",
      expect: { name: "Tea?", selectableOptionsCount: 1, options: [{ optionName: "yes" }, { optionName: "no" }] },
    },
    {
      name: "poll with several choices",
      content: { type: "poll", question: "When?", options: ["Mon", "Tue", "Wed"], max_choices: 0 },
      field: "pollCreationMessage",
      expect: {
        name: "When?",
        selectableOptionsCount: 0,
        options: [{ optionName: "Mon" }, { optionName: "Tue" }, { optionName: "Wed" }],
      },
    },
    {
      name: "event",
      content: {
        type: "event",
        name: "Regatta",
        description: "bring a coat",
        start_at: 1900000000,
        location: { latitude: 52.5, longitude: 13.25, name: "Quay" },
      },
      field: "eventMessage",
      expect: { name: "Regatta", description: "bring a coat", location: { name: "Quay" } },
    },
  ];
}

async function kind(row, door) {
  const { id } = await say(door, OWN, row.content, row.beside);
  const message = await arrives(id);
  const content = within(message)[row.field];
  assert(content, `no ${row.field} in ${Object.keys(within(message))}`);
  includes(content, row.expect);
  const card = content.vcard ?? content.contacts?.[0].vcard;
  if (row.content.type === "contact") assert.match(card, new RegExp(`waid=${OTHER}`));
  if (row.content.type === "event") assert.equal(Number(content.startTime), 1900000000);
  if (!row.file) return;
  const bytes = await download(message, content);
  if (row.file !== true) assert.equal(sha256(bytes), sha256(row.file));
}

/** What is done to messages: each gets a text of Waypost and one of Baileys that both have. */
const ACTIONS = [
  { name: "reaction", run: async (door, _, theirs) => {
    const at = within(await arrives((await act(door, "react", theirs.key.id, { emoji: "\u{1f44d}" })).id)).reactionMessage;
    includes(at, { text: "\u{1f44d}", key: { id: theirs.key.id } });
    const gone = within(await arrives((await act(door, "unreact", theirs.key.id)).id)).reactionMessage;
    includes(gone, { text: "", key: { id: theirs.key.id } });
  } },
  { name: "edit", run: async (door, ours) => {
    const { id } = await act(door, "edit", ours.id, { text: "said better" });
    const edit = within(await arrives(id)).protocolMessage;
    includes(edit, { type: MESSAGE_EDIT, key: { id: ours.id } });
    const isIt = ({ key, update }) => key.id === ours.id && update.message?.editedMessage;
    const { update } = await until("the edit", () => updates.find(isIt));
    const { conversation, extendedTextMessage } = update.message.editedMessage.message;
    assert.equal(conversation || extendedTextMessage.text, "said better");
  } },
  { name: "revoke", run: async (door, ours) => {
    const { id } = await act(door, "revoke", ours.id);
    includes(within(await arrives(id)).protocolMessage, { type: REVOKE, key: { id: ours.id } });
    await until("the removal", () => updates.find(({ key, update }) => key.id === ours.id && update.message === null));
  } },
  { name: "forward", run: async (door, ours, theirs) => {
    const { id } = await act(door, "forward", theirs.key.id, { to: OWN });
    const { text, contextInfo } = within(await arrives(id)).extendedTextMessage;
    assert.equal(text, "of Baileys");
    // The first forward of a message is not counted, as in WhatsApp's client for browsers.
    includes(contextInfo, { isForwarded: true, forwardingScore: 0 });
  } },
  { name: "pin", run: async (door, ours, theirs) => {
    const pinned = await arrives((await act(door, "pin", theirs.key.id, { days: 7 })).id);
    includes(within(pinned).pinInChatMessage, { key: { id: theirs.key.id }, type: 1 });
    assert.equal(within(pinned).messageContextInfo.messageAddOnDurationInSecs, 604800);
    const unpinned = await arrives((await act(door, "unpin", theirs.key.id)).id);
    includes(within(unpinned).pinInChatMessage, { key: { id: theirs.key.id }, type: 2 });
  } },
  { name: "timer and keep", run: async (door) => {
    const { id } = await setTimer(door, OWN, 86400);
    includes(within(await arrives(id)).protocolMessage, { type: EPHEMERAL_SETTING, ephemeralExpiration: 86400 });
    const passing = await say(door, OWN, { type: "text", text: "for a day" });
    includes(within(await arrives(passing.id)).extendedTextMessage, { text: "for a day", contextInfo: { expiration: 86400 } });
    const keeps = await arrives((await act(door, "keep", passing.id)).id);
    includes(within(keeps).keepInChatMessage, { key: { id: passing.id }, keepType: 1 });
    const lets = await arrives((await act(door, "unkeep", passing.id)).id);
    includes(within(lets).keepInChatMessage, { key: { id: passing.id }, keepType: 2 });
    const off = await setTimer(door, OWN, 0);
    includes(within(await arrives(off.id)).protocolMessage, { type: EPHEMERAL_SETTING, ephemeralExpiration: 0 });
  } },
  { name: "vote on Baileys' poll", run: async (door) => {
    const poll = await send({ poll: { name: "Where?", values: ["here", "there"], selectableCount: 1 } }, {}, SHOP);
    await hears(door, poll.key.id);
    for (const choice of ["here", "there"]) {
      const { id } = await act(door, "vote", poll.key.id, { options: [choice] });
      assert.deepEqual(chosen(poll, await arrives(id)), [choice]);
    }
    assert.deepEqual(await votes(door, poll.key.id), { here: [], there: [WAYPOST] });
  } },
  { name: "vote on Waypost's poll", run: async (door) => {
    const poll = await say(door, OWN, { type: "poll", question: "Cake?", options: ["yes", "no"], max_choices: 1 });
    const asked = await arrives(poll.id);
    const vote = await voteOf(asked, asked.key.remoteJid, ["no"]);
    const told = await hears(door, vote.key.id);
    assert.equal(told.message_type, "poll_vote");
    includes(told.poll, { vote_on: poll.id, vote: { state: "opened", chosen: [{ option: "no" }] } });
    assert.deepEqual(await votes(door, poll.id), { yes: [], no: [OWN] });
  } },
  { name: "answer to Baileys' event", run: async (door) => {
    const asked = await send({ event: { name: "Lunch", startDate: new Date(1900000000000) } }, {}, SHOP);
    await hears(door, asked.key.id);
    const { id } = await act(door, "attend", asked.key.id, { answer: "going" });
    const names = { eventCreatorJid: jid(OWN), responderJid: jid(WAYPOST) };
    const key = { eventEncKey: asked.message.messageContextInfo.messageSecret, eventMsgId: asked.key.id, ...names };
    const { response } = decryptEventResponse(within(await arrives(id)).encEventResponseMessage, key);
    assert.equal(response, proto.Message.EventResponseMessage.EventResponseType.GOING);
  } },
];

async function action(row, door) {
  const ours = await say(door, OWN, { type: "text", text: "of Waypost" });
  await arrives(ours.id);
  const theirs = await send({ text: "of Baileys" }, {}, SHOP);
  await hears(door, theirs.key.id);
  await row.run(door, ours, theirs);
}

export async function outgoing(samples) {
  const hello = await send({ text: "hello, shop" }, {}, SHOP);
  await hears("rest", hello.key.id);
  return [...(await each(kinds(samples, hello), kind)), ...(await each(ACTIONS, action))];
}
