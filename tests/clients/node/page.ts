// A page as a front end of one's own would have it: creates the session that its address names, shows its QR code, and
// follows it until it is gone. The address is /#<session>,<key>.
import { cacheExchange, Client, type CombinedError, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";

import { graphql } from "./generated/graphql/gql";

const Version = graphql(`
  query Version {
    version
  }
`);
const Create = graphql(`
  mutation Create($input: CreateSessionInput!) {
    createSession(input: $input) {
      id
    }
  }
`);
const Delete = graphql(`
  mutation Delete($id: ID!) {
    deleteSession(input: { id: $id }) {
      id
    }
  }
`);
export const Follow = graphql(`
  subscription Follow($id: ID!) {
    sessionUpdated(id: $id) {
      status
      statusReason
      metadata
      qr {
        svg
        expiresAt
      }
      device {
        phoneNumber
        pushName
      }
    }
  }
`);

const [id = "", key] = location.hash.slice(1).split(",");
const authorization = `Bearer ${key}`;
const socket = createClient({ url: `ws://${location.host}/graphql/ws`, connectionParams: { authorization } });
const client = new Client({
  url: "/graphql",
  fetchOptions: { headers: { authorization } },
  exchanges: [
    cacheExchange,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query = "", variables = {} }) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
      }),
    }),
  ],
});

const element = <E extends HTMLElement>(name: string) => document.getElementById(name) as E;
const show = (name: string, text: string | null | undefined) => (element(name).textContent = text ?? "");
const fail = (error: CombinedError | undefined) =>
  show("error", error && String(error.graphQLErrors[0]?.extensions["code"] ?? error.message));

function follow() {
  const picture = element<HTMLImageElement>("qr");
  const followed = client.subscription(Follow, { id });
  followed.subscribe(({ data, error, hasNext }) => {
    fail(error);
    if (data) {
      const { status, statusReason, qr, device } = data.sessionUpdated;
      show("status", status);
      show("reason", statusReason);
      show("phone", device?.phoneNumber);
      picture.hidden = !qr;
      if (qr) picture.src = `data:image/svg+xml,${encodeURIComponent(qr.svg)}`;
    }
    if (hasNext === false) show("status", "gone");
  });
}

element("create").onclick = async () => {
  const { error } = await client.mutation(Create, { input: { id, metadata: { made: "in a browser" } } });
  fail(error);
  if (!error) follow();
};
element("delete").onclick = async () => fail((await client.mutation(Delete, { id })).error);

const { data, error } = await client.query(Version, {});
show("version", data?.version);
fail(error);
