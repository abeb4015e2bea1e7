// The life of a session over REST, with the client that @hey-api/openapi-ts makes.
import assert from "node:assert/strict";

import * as waypost from "./generated/rest";
import { createClient } from "./generated/rest/client";
import { phone, server, token, until } from "./world";

const number = "15550100102";
const client = createClient({ baseUrl: server, auth: token });
const shop = { client, path: { session_id: "node" } };
const sure = { ...shop, throwOnError: true } as const;

const reaches = (status: waypost.SessionStatus) =>
  until(status, async () => {
    const { data } = await waypost.getSessionStatus(sure);
    return data.status === status && data;
  });

// Created, and linked by a phone.
const ada = await phone(number, "Ada");
const body = { id: "node", name: "Shop", metadata: { team: "north" } };
const created = await waypost.createSession({ client, body, throwOnError: true });
assert.equal(created.response.status, 201);
assert.equal(created.response.headers.get("location"), "/api/v1/sessions/node");
assert.deepEqual(created.data.session.metadata, { team: "north" });
const again = await waypost.createSession({ client, body });
assert.equal(again.error?.code, "session_exists");

const qr = await until("a QR code", async () => (await waypost.getSessionQr(sure)).data.qr_codes[0]);
const device_id = await ada.scan(qr);
const linked = await reaches("logged_in");
assert.deepEqual([linked.reason, linked.desired, linked.phone_number], ["authenticated", "online", number]);
const device = await waypost.getSessionDevice(sure);
assert.deepEqual([device.data.device_id, device.data.phone_number], [device_id, number]);

// Changed, and found.
const changed = await waypost.updateSession({ ...sure, body: { name: "Market" } });
assert.deepEqual([changed.data.name, changed.data.metadata], ["Market", { team: "north" }]);
const query = { status: "logged_in", q: number, limit: 1 } as const;
const page = await waypost.listSessions({ client, query, throwOnError: true });
assert.deepEqual([page.data.total, page.data.sessions[0]?.id, page.data.next_cursor], [1, "node", null]);

// Away and back without another scan, then unlinked.
await waypost.disconnectSession(sure);
assert.equal((await reaches("disconnected")).reason, "requested");
await waypost.connectSession(sure);
await reaches("logged_in");
await waypost.logoutSession(sure);
assert.equal((await reaches("disconnected")).reason, "logged_out");
const unlinked = await waypost.getSessionDevice(shop);
assert.equal(unlinked.error?.code, "device_not_linked");

// Deleted. What went wrong is typed.
assert.equal((await waypost.deleteSession(sure)).data.success, true);
const gone = await waypost.getSession(shop);
assert.equal(gone.response?.status, 404);
assert(gone.error, "a deleted session is a problem");
const problem: waypost.Problem = gone.error;
assert.deepEqual(
  [problem.status, problem.code, problem.type, problem.error.code],
  [404, "session_not_found", "urn:waypost:problem:session_not_found", 404],
);
assert.equal(problem.request_id, gone.response.headers.get("x-request-id"));

const stranger = await waypost.listSessions({ client, auth: "not the key" });
assert.equal(stranger.error?.code, "unauthenticated");
