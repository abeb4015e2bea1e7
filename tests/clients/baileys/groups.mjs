// Waypost and Baileys in a group with a third person's phone: members named by number, and by LID.
import assert from "node:assert/strict";
import { proto } from "baileys";

import { arrives, download, jid, OTHER, OWN, send, sha256, simulator, until, within } from "./client.mjs";
import { chosen, voteOf } from "./votes.mjs";
import { act, each, fileOf, hears, includes, say, votes, WAYPOST } from "./waypost.mjs";

const { REVOKE, MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type;

/** That the third person's phone has it as well. */
const third = (id) =>
  until(`the phone gets ${id}`, async () => {
    const inbox = await simulator("GET", `/phones/${OTHER}/inbox`);
    return inbox.find((message) => message.id === id);
  });

/** What each side does in the group, and what the other sees. */
const ROWS = [
  { name: "text with a mention from Waypost", run: async (group, door) => {
    const { id } = await say(door, group.id, { type: "text", text: `@${OWN} and all` }, { mentions: [OWN] });
    const { text, contextInfo } = within(await arrives(id)).extendedTextMessage;
    assert.match(text, /^@\d+ and all$/);
    assert.equal(contextInfo.mentionedJid.length, 1);
    assert.match(contextInfo.mentionedJid[0], group.addressing === "lid" ? /@lid$/ : new RegExp(`^${OWN}@`));
    assert.equal((await third(id)).group, group.id);
  } },
  { name: "text with a mention from Baileys", run: async (group, door) => {
    const sent = await send({ text: `@${WAYPOST} and all`, mentions: [jid(WAYPOST)] }, {}, group.id);
    const told = await hears(door, sent.key.id);
    includes(told, { is_group: true, sender: { phone_number: OWN }, mentioned: [{ phone_number: WAYPOST }] });
    await third(sent.key.id);
  } },
  { name: "picture from Waypost", run: async (group, door, { picture }) => {
    const media = { data: picture.toString("base64") };
    const { id } = await say(door, group.id, { type: "image", media, caption: "for all" });
    const message = await arrives(id);
    includes(within(message).imageMessage, { caption: "for all", mimetype: "image/jpeg" });
    await download(message, within(message).imageMessage);
  } },
  { name: "picture from Baileys", run: async (group, door, { picture }) => {
    const sent = await send({ image: picture, caption: "for all" }, {}, group.id);
    const told = await hears(door, sent.key.id);
    includes(told, { message_type: "image", caption: "for all", media: { file_sha256: sha256(picture) } });
    assert.equal(await fileOf(sent.key.id), sha256(picture));
  } },
  { name: "poll of Waypost, votes of Baileys and Waypost", run: async (group, door) => {
    const poll = await say(door, group.id, { type: "poll", question: "Cake?", options: ["yes", "no"], max_choices: 1 });
    const vote = await voteOf(await arrives(poll.id), group.id, ["no"]);
    const { poll: told } = await hears(door, vote.key.id);
    includes(told, { vote_on: poll.id, vote: { state: "opened", chosen: [{ option: "no" }] } });
    await act(door, "vote", poll.id, { options: ["yes"] });
    assert.deepEqual(await votes(door, poll.id), { yes: [WAYPOST], no: [OWN] });
  } },
  { name: "poll of Baileys, vote of Waypost", run: async (group, door) => {
    const poll = await send({ poll: { name: "Where?", values: ["here", "there"], selectableCount: 1 } }, {}, group.id);
    await hears(door, poll.key.id);
    const { id } = await act(door, "vote", poll.key.id, { options: ["there"] });
    assert.deepEqual(chosen(poll, await arrives(id)), ["there"]);
  } },
  { name: "reaction, edit and revoke from Waypost", run: async (group, door) => {
    const theirs = await send({ text: "of Baileys" }, {}, group.id);
    await hears(door, theirs.key.id);
    const reaction = await arrives((await act(door, "react", theirs.key.id, { emoji: "\u{1f44d}" })).id);
    includes(within(reaction).reactionMessage, { text: "\u{1f44d}", key: { id: theirs.key.id } });
    const { id } = await say(door, group.id, { type: "text", text: "said badly" });
    await arrives(id);
    const edit = await arrives((await act(door, "edit", id, { text: "said better" })).id);
    includes(within(edit).protocolMessage, { type: MESSAGE_EDIT, key: { id } });
    const revoke = await arrives((await act(door, "revoke", id)).id);
    includes(within(revoke).protocolMessage, { type: REVOKE, key: { id } });
  } },
  { name: "reaction, edit and revoke from Baileys", run: async (group, door) => {
    const { id } = await say(door, group.id, { type: "text", text: "of Waypost" });
    const reaction = await send({ react: { text: "\u{1f44d}", key: (await arrives(id)).key } }, {}, group.id);
    includes(await hears(door, reaction.key.id), { reaction: { message_id: id, emoji: "\u{1f44d}", is_to_me: true } });
    const first = await send({ text: "said badly" }, {}, group.id);
    // A copy: Baileys writes the key of a removal into the message that was removed.
    const key = { ...first.key };
    await hears(door, key.id);
    const edit = await send({ text: "said better", edit: key }, {}, group.id);
    includes(await hears(door, edit.key.id), { text: "said better", edit: { message_id: key.id } });
    const revoke = await send({ delete: key }, {}, group.id);
    includes(await hears(door, revoke.key.id), { revoke: { message_id: key.id } });
  } },
];

export async function inGroups(samples) {
  const failures = [];
  for (const addressing of ["phone_number", "lid"]) {
    const made = { subject: `Rowers by ${addressing}`, members: [OWN, WAYPOST], addressing };
    const group = await simulator("POST", `/phones/${OTHER}/groups`, made);
    const rows = ROWS.map((row) => ({ ...row, name: `group by ${addressing}: ${row.name}` }));
    failures.push(...(await each(rows, (row, door) => row.run({ ...group, addressing }, door, samples))));
  }
  return failures;
}
