// Small files of every kind. What needs an encoder is made by the simulator: a phone sends it, and Baileys downloads it.
import sharp from "sharp";

import { arrives, download, OTHER, OWN, simulator, within } from "./client.mjs";

/** A square of one pixel, as PNG. */
export const PICTURE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

async function ofPhone(file, more = {}) {
  const { ids } = await simulator("POST", `/phones/${OTHER}/messages`, { to: OWN, kind: "file", file, ...more });
  const message = await arrives(ids[0]);
  const content = within(message);
  return download(message, content.videoMessage ?? content.audioMessage ?? content.ptvMessage);
}

/** A picture, a sticker, a document, a video and a voice. */
export async function fromPhone() {
  const square = { create: { width: 64, height: 48, channels: 3, background: "#3a7" } };
  const picture = await sharp(square).jpeg().toBuffer();
  const sticker = await sharp(square).resize(512, 512).webp().toBuffer();
  const document = Buffer.from("%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");
  const video = await ofPhone("video", { seconds: 3 });
  const voice = await ofPhone("voice", { seconds: 3 });
  return { picture, sticker, document, video, voice };
}
