// What tsc must refuse, and what it must take: the types are those of the schema, and none of them is `any`.
import type { ResultOf, VariablesOf } from "@graphql-typed-document-node/core";

import type { Follow } from "./page";

type Session = ResultOf<typeof Follow>["sessionUpdated"];
declare const session: Session;

export const label: string | undefined = session.metadata["team"];
export const moment: string | undefined = session.qr?.expiresAt;
export const isLinked: boolean = session.status === "LOGGED_IN";
// @ts-expect-error There is no such status.
export const isAsleep: boolean = session.status === "ASLEEP";
// @ts-expect-error Nobody asked for this field.
export const name: unknown = session.name;
// @ts-expect-error There is no device until a phone is linked.
export const number: string = session.device.phoneNumber;
// @ts-expect-error Which session is not said.
export const nobody: VariablesOf<typeof Follow> = {};
