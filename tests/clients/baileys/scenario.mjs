// An independent client, unmodified, against the simulator: it pairs, reads and writes, and nothing that it says is
// unknown to the simulator or breaks a rule there. Whatever both Waypost's library and the simulator have wrong, because
// they share code, shows here. Then Baileys and a session of Waypost write to each other as two people: every kind of
// message, both ways.
import assert from "node:assert/strict";
import { downloadMediaMessage, proto } from "baileys";

import { connect, disconnect, groupReceipts, isOwn, received, said, send, socket, statuses } from "./client.mjs";
import { OTHER, OWN, sha256, simulator, until } from "./client.mjs";
import { inGroups } from "./groups.mjs";
import { incoming } from "./incoming.mjs";
import { outgoing } from "./outgoing.mjs";
import { fromPhone, PICTURE } from "./samples.mjs";
import { WAYPOST, link } from "./waypost.mjs";

const LIMIT_MS = 90_000;

await simulator("POST", "/phones", { phone_number: OWN, push_name: "Ada" });
await simulator("POST", "/phones", { phone_number: OTHER, push_name: "Grace" });
await simulator("POST", "/phones", { phone_number: WAYPOST, push_name: "Shop" });
const before = await simulator("GET", "/stats");

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
  assert.deepEqual([opened.verdict, opened.size_bytes, opened.caption], ["intact", PICTURE.length, "a dot"]);
  assert.equal(opened.sha256, sha256(PICTURE));

  const data = PICTURE.toString("base64");
  const body = { to: OWN, kind: "file", file: "image", data, mimetype: "image/png" };
  const { ids } = await simulator("POST", `/phones/${OTHER}/messages`, body);
  const down = await until("the phone's picture", () => received.find((message) => message.key.id === ids[0]));
  const bytes = await downloadMediaMessage(down, "buffer", {});
  assert(PICTURE.equals(bytes), `${bytes.length} bytes came down`);
}

// WhatsApp's own clients ask that an edit or a vote which cannot be opened is not shown as "waiting for this message".
// Baileys does not ask for that; only its own messages are excused.
function isOfBaileys(violation) {
  const id = /^message (\w+): decrypt-fail of a (?:vote|edit) is "", not hide$/.exec(violation)?.[1];
  return id !== undefined && isOwn(id);
}

async function scenario() {
  const { SERVER_ACK, DELIVERY_ACK, READ } = proto.WebMessageInfo.Status;
  await connect();
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

  // With a session of Waypost.
  await link();
  const samples = await fromPhone();
  const failures = [];
  for (const part of [outgoing, incoming, inGroups]) failures.push(...(await part(samples)));
  if (failures.length !== 0) throw new AggregateError(failures, `${failures.length} kinds failed`);

  const after = await simulator("GET", "/stats");
  assert.deepEqual(after.unknown.slice(before.unknown.length), []);
  assert.deepEqual(after.violations.slice(before.violations.length).filter((told) => !isOfBaileys(told)), []);
}

const limit = setTimeout(() => {
  console.error(`not within ${LIMIT_MS / 1000} s`, said);
  process.exit(1);
}, LIMIT_MS);
try {
  await scenario();
  console.log("baileys pairs, reads and writes; every kind of message goes from Waypost to Baileys and back");
} catch (error) {
  console.error(error, ...said.slice(-20));
  process.exitCode = 1;
}
disconnect();
clearTimeout(limit);
// Its timers would keep the process for a while.
process.exit();
