// Votes, made and opened with what Baileys exports: its `sendMessage` has no words for a vote, and it opens none by itself.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { aesEncryptGCM, decryptPollVote, getAggregateVotesInPollMessage, hmacSign, proto, sha256 } from "baileys";

import { jid, OWN, sendRaw, socket, within } from "./client.mjs";

const ownLid = () => socket.user.lid.replace(/:\d+@/, "@");

/** Votes in a poll of somebody else. Creator and voter are both named by number, or both by LID. */
export async function voteOf(poll, chat, options) {
  // In the chat with a person Baileys has an empty `participant`.
  const creator = poll.key.participant || poll.key.remoteJid;
  const voter = creator.endsWith("@lid") ? ownLid() : jid(OWN);
  const key0 = hmacSign(poll.message.messageContextInfo.messageSecret, new Uint8Array(32), "sha256");
  const sign = Buffer.concat([Buffer.from(`${poll.key.id}${creator}${voter}Poll Vote`), Buffer.from([1])]);
  const encIv = randomBytes(12);
  const selectedOptions = options.map((option) => sha256(Buffer.from(option)));
  const plain = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish();
  const about = Buffer.from(`${poll.key.id}\u0000${voter}`);
  const encPayload = aesEncryptGCM(plain, hmacSign(sign, key0, "sha256"), encIv, about);
  const participant = poll.key.participant ? { participant: creator } : {};
  const pollCreationMessageKey = { remoteJid: chat, id: poll.key.id, fromMe: false, ...participant };
  const vote = { encPayload, encIv };
  return sendRaw(chat, { pollUpdateMessage: { pollCreationMessageKey, vote, senderTimestampMs: Date.now() } });
}

/** The options of a vote in a poll of Baileys, with Baileys' own decryption and counting. */
export function chosen(poll, message) {
  const { pollCreationMessageKey, vote } = within(message).pollUpdateMessage;
  assert.equal(pollCreationMessageKey.id, poll.key.id);
  const { participant, participantAlt, remoteJid, remoteJidAlt } = message.key;
  for (const voterJid of [participant, participantAlt, remoteJid, remoteJidAlt]) {
    const pollCreatorJid = voterJid?.endsWith("@lid") ? ownLid() : jid(OWN);
    const pollEncKey = poll.message.messageContextInfo.messageSecret;
    let opened;
    try {
      opened = decryptPollVote(vote, { pollCreatorJid, pollMsgId: poll.key.id, pollEncKey, voterJid });
    } catch {
      continue; // By the voter's other name, then.
    }
    const pollUpdates = [{ pollUpdateMessageKey: message.key, vote: opened }];
    const counted = getAggregateVotesInPollMessage({ message: poll.message, pollUpdates }, jid(OWN));
    return counted.filter(({ voters }) => voters.length === 1).map(({ name }) => name);
  }
  return assert.fail(`Baileys cannot open the vote ${JSON.stringify(message.key)}`);
}
