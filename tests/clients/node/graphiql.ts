// GraphiQL in a real Chromium: a query and a subscription with the key in its headers. The CDN is played by the same
// packages from npm, so that its hashes are checked as well.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { chromium, type Page, type Route } from "playwright-core";

import { phone, server, token, until } from "./world";

const cdn = "https://cdn.jsdelivr.net/npm/";
const quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"];
const args = ["--no-sandbox", "--disable-gpu", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", ...quiet];

/** Answers as the CDN does; `change` is what somebody did to its files. */
const deliver = (change: (text: string) => string) => (route: Route) => {
  const parts = route.request().url().slice(cdn.length).match(/^([a-z-]+)@([\d.]+)\/(.+)$/);
  const [name, version, path] = parts?.slice(1) ?? [];
  assert(name && version && path, "every address on the CDN names a package and its version");
  const own = JSON.parse(readFileSync(`../node_modules/${name}/package.json`, "utf8"));
  assert.equal(own.version, version, name);
  const body = change(readFileSync(`../node_modules/${name}/${path}`, "utf8"));
  const contentType = path.endsWith(".css") ? "text/css" : "text/javascript";
  return route.fulfill({ body, contentType, headers: { "access-control-allow-origin": "*" } });
};

/** Writes into one of GraphiQL's editors. */
const write = (page: Page, editor: string, text: string) =>
  page.locator(`${editor} .CodeMirror`).last().evaluate((element, text) => {
    (element as unknown as { CodeMirror: { setValue(text: string): void } }).CodeMirror.setValue(text);
  }, text);

const shown = (page: Page) => page.locator(".result-window").innerText();
const shows = (page: Page, text: string) =>
  until(`the answer shows ${text}`, async () => (await shown(page)).replace(/\u00a0/g, " ").includes(text));

async function scenario(page: Page) {
  await page.goto(`${server}/graphiql`);
  await page.locator(".graphiql-container").waitFor();
  // Without a key there is no schema; with one it comes when it is asked for again.
  await page.getByRole("button", { name: "Headers" }).click();
  await write(page, ".graphiql-editor-tool", JSON.stringify({ authorization: `Bearer ${token}` }));
  await page.getByRole("button", { name: "Re-fetch GraphQL schema" }).click();
  await write(page, ".graphiql-query-editor", 'mutation { createSession(input: { id: "graphiql" }) { id } }');
  await page.locator(".graphiql-execute-button").click();
  await shows(page, '"createSession"');

  await write(page, ".graphiql-query-editor", 'subscription { sessionUpdated(id: "graphiql") { status qr { code } } }');
  // GraphiQL reads what is written a moment later, and takes it for a query until then.
  await until("a code", async () => {
    const text = await shown(page);
    if (!text.includes("sessionUpdated")) await page.locator(".graphiql-execute-button").click();
    return text.includes('"WAITING_FOR_QR"');
  });
  const grace = await phone("15550100105", "Grace");
  await grace.scan(JSON.parse((await shown(page)).replace(/\u00a0/g, " ")).data.sessionUpdated.qr.code);
  await shows(page, '"LOGGED_IN"');
  if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/graphiql.png` });
}

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await page.route(`${cdn}**`, deliver((text) => text));
  await scenario(page);
  assert.deepEqual(complaints.filter((text) => /integrity|Content Security Policy/.test(text)), []);

  // What somebody changed on the CDN does not run.
  const other = await browser.newPage();
  const refused: string[] = [];
  other.on("console", (message) => refused.push(message.text()));
  await other.route(`${cdn}**`, deliver((text) => `${text}\n/* changed */`));
  await other.goto(`${server}/graphiql`);
  await until("a refusal", async () => refused.some((text) => text.includes("integrity")));
  assert.equal(await other.locator(".graphiql-container").count(), 0);
} finally {
  await browser.close();
}
