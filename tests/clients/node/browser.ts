// The page in a real Chromium: urql and graphql-ws against the server, a phone against what the page shows.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import jsQR from "jsqr";
import { chromium, type Page } from "playwright-core";
import { PNG } from "pngjs";

import { serve } from "./proxy";
import { phone, token, until } from "./world";

const number = "15550100101";
const quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"];
const args = ["--no-sandbox", "--disable-gpu", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", ...quiet];

const shows = (page: Page, name: string, text: string) =>
  until(`${name}: ${text}`, async () => (await page.locator(`#${name}`).textContent()) === text);

/** Reads the picture on the page as a phone's camera does. */
async function camera(page: Page): Promise<string | undefined> {
  const { data, width, height } = PNG.sync.read(await page.locator("#qr").screenshot());
  return jsQR(new Uint8ClampedArray(data), width, height)?.data;
}

async function scenario(open: (key: string) => Promise<Page>, proxy: Awaited<ReturnType<typeof serve>>) {
  const ada = await phone(number, "Ada");
  const page = await open(token);
  await until("version", async () => /^\d+\.\d+\.\d+/.test((await page.locator("#version").textContent()) ?? ""));

  // Created by a mutation; the subscription brings the code, and takes it away once it is scanned.
  await page.click("#create");
  await shows(page, "status", "WAITING_FOR_QR");
  const device = await ada.scan(await until("a picture that a camera can read", () => camera(page)));
  await shows(page, "status", "LOGGED_IN");
  await shows(page, "phone", number);
  assert(await page.locator("#qr").isHidden(), "no code is shown to a linked session");

  // The network drops the socket; graphql-ws opens another, and the page goes on with what happens then.
  proxy.cut();
  assert.equal(proxy.open(), 0);
  await ada.remove(device);
  await shows(page, "reason", "DEVICE_REMOVED");
  assert.equal(proxy.open(), 1);

  // A failure has its code, and a deleted session ends its subscription.
  await page.click("#create");
  await shows(page, "error", "session_exists");
  await page.click("#delete");
  await shows(page, "status", "gone");

  const stranger = await open("not-the-key");
  await stranger.click("#create");
  await shows(stranger, "error", "[Network] Unauthorized");
}

const file = (name: string, type: string) => ({ type, body: readFileSync(name, "utf8") });
const proxy = await serve({
  "/": file("page.html", "text/html"),
  "/page.js": file("built/page.js", "text/javascript"),
});
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
try {
  await scenario(async (key) => {
    const page = await browser.newPage();
    page.setDefaultTimeout(60_000);
    page.on("pageerror", (error) => console.error("the page:", error.message));
    await page.goto(`${proxy.address}/#browser,${key}`);
    return page;
  }, proxy);
} finally {
  await browser.close();
  proxy.stop();
}
