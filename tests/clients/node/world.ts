// What every scenario needs of the world: the server's address, its key, and phones of the simulated WhatsApp.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

function given(name: string): string {
  const value = process.env[name];
  assert(value, `${name} is not set`);
  return value;
}

export const server = given("WAYPOST_URL");
export const token = given("WAYPOST_ADMIN_TOKEN");
const phones = given("SIMULATOR_PHONES");

async function simulator<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await fetch(`${phones}${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
  assert(answer.ok, `${method} ${path}: ${answer.status}`);
  return (await answer.json()) as T;
}

/** A phone of the simulated WhatsApp. */
export async function phone(phone_number: string, push_name: string) {
  await simulator("POST", "", { phone_number, push_name });
  return {
    scan: async (qr: string) => (await simulator<{ device: number }>("POST", `/${phone_number}/scan`, { qr })).device,
    write: (to: string, text: string) => simulator("POST", `/${phone_number}/messages`, { to, text }),
    remove: (device: number) => simulator("DELETE", `/${phone_number}/devices/${device}`),
  };
}

/** Asks until the answer is a fact, for at most 60 s. */
export async function until<T>(what: string, ask: () => Promise<T | false | undefined>): Promise<T> {
  const limit = Date.now() + 60_000;
  for (;;) {
    const fact = await ask();
    if (fact) return fact;
    assert(Date.now() < limit, `not within 60 s: ${what}`);
    await pause(100);
  }
}
