//! A request for each operation through each door: from the server's own table of operations, and from the documents that say
//! what each takes. An operation that takes something unusual has it in [`body`] or [`given`].

use std::collections::BTreeMap;

use async_graphql::Positioned;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};
use entity::words::access::Scope;
use reqwest::Method;
use serde_json::{Value, json};
use waypost::api::operation::{self, Field};

/// What an operation is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Nothing in particular, or whatever the key may touch.
    Nothing,
    /// All sessions: not for a key that is for some.
    All,
    /// A session.
    Session,
    /// A webhook of a session: `{id}` is the session, `{webhook}` the webhook.
    Webhook,
    /// A key.
    Key,
}

/// An operation as each door has it. `{id}` stands for what it is done to.
pub struct Operation {
    /// Its `operationId`; the field's name if only the graph has it.
    pub name: &'static str,
    /// Its request in REST: method, path and body.
    pub rest: Option<(Method, String, Value)>,
    /// Its field in the graph, and a request for it.
    pub graph: Option<(Field, String)>,
    /// What it is done to.
    pub on: On,
    /// What it takes; None is any key at all.
    pub scope: Option<Scope>,
    /// What it takes beside that.
    pub second_scope: Option<Scope>,
}

/// Every operation of the table, with its requests. What is only found by an id, or as a field of what another one gives, has
/// none of its own in the graph.
pub fn all() -> Vec<Operation> {
    let documents = Documents::read();
    operation::all().flat_map(|row| documents.operations(row)).collect()
}

/// What `operationId` is sent as its body.
fn body(name: &str) -> Value {
    match name {
        "createSession" => json!({ "id": "{id}" }),
        "updateSession" => json!({ "name": "Other" }),
        "sendMessage" => json!({ "to": "15550100077", "content": { "type": "text", "text": "tea" } }),
        "reactToMessage" => json!({ "emoji": "\u{1f44d}" }),
        "sendText" => json!({ "to": "15550100077", "text": "tea" }),
        "sendImage" => json!({ "to": "15550100077", "image": { "id": "none" } }),
        "sendVideo" => json!({ "to": "15550100077", "video": { "id": "none" } }),
        "sendAudio" => json!({ "to": "15550100077", "audio": { "id": "none" } }),
        "sendDocument" => json!({ "to": "15550100077", "document": { "id": "none" } }),
        "sendSticker" => json!({ "to": "15550100077", "sticker": { "id": "none" } }),
        "sendReaction" => json!({ "to": "15550100077", "message_id": "none", "emoji": "\u{1f44d}" }),
        "sendEdit" => json!({ "to": "15550100077", "message_id": "none", "text": "tea" }),
        "sendRevoke" => json!({ "to": "15550100077", "message_id": "none" }),
        "sendReadMarks" => json!({ "chat_jid": "15550100077", "message_ids": ["none"] }),
        "sendChatState" => json!({ "to": "15550100077", "state": "composing" }),
        "sendPresence" => json!({ "status": "unavailable" }),
        "sendTyping" => json!({ "state": "composing" }),
        "setPresence" => json!({ "state": "unavailable" }),
        "editMessage" => json!({ "text": "tea" }),
        "vote" => json!({ "options": ["tea"] }),
        "setAttendance" => json!({ "answer": "going" }),
        "forwardMessage" => json!({ "to": "15550100077" }),
        "setChatTimer" | "setDefaultTimer" => json!({ "seconds": 0 }),
        "sendLocation" => json!({ "to": "15550100077", "latitude": 1.5, "longitude": 2.5 }),
        "sendContact" => json!({
            "to": "15550100077",
            "contact": { "display_name": "Ada", "phones": [{ "number": "15550100078" }] },
        }),
        "sendPoll" => json!({ "to": "15550100077", "name": "tea?", "options": ["yes", "no"] }),
        "sendVote" => json!({ "to": "15550100077", "message_id": "none", "options": ["yes"] }),
        "sendPin" => json!({ "chat": "15550100077", "message_id": "none", "duration_seconds": 0 }),
        "sendForward" => json!({ "to": "15550100077", "message_id": "none" }),
        "pairSession" => json!({ "phone_number": "15550100001" }),
        "createKey" => json!({ "name": "x", "scopes": ["keys:admin"] }),
        "createWebhook" | "createSessionWebhook" => json!({ "url": "https://receiver.invalid/" }),
        "replayWebhook" | "replaySessionWebhook" => json!({ "from": 1 }),
        _ => Value::Null,
    }
}

/// What a field of the graph is given although it need not be.
fn given(field: &str) -> Option<&'static str> {
    match field {
        "createSession" => Some(r#"id: "{id}""#),
        "updateSession" => Some(r#"name: "Other""#),
        // Goes into its content.
        "sendMessage" => Some(r#"text: { text: "tea" }"#),
        "createWebhook" | "webhooks" => Some(r#"sessionId: "{id}""#),
        "replayWebhook" => Some(r#"from: "2026-01-01T00:00:00Z""#),
        _ => None,
    }
}

/// What is given where a value is needed.
fn value(name: &str, of: &str, on: On, is_inside: bool) -> &'static str {
    match name {
        "state" if of == "AccountPresence" => "UNAVAILABLE",
        "state" => "COMPOSING",
        "chatId" => r#""15550100077""#,
        "id" if is_inside => r#""none""#,
        "id" if on == On::Webhook => r#""{webhook}""#,
        "id" | "sessionId" => r#""{id}""#,
        "webhookId" => r#""{webhook}""#,
        "name" => r#""x""#,
        "to" => r#""15550100077""#,
        "emoji" => "\"\u{1f44d}\"",
        "options" => r#"["tea"]"#,
        "answer" => "GOING",
        "seconds" => "0",
        "text" => r#""tea""#,
        "phoneNumber" => r#""15550100001""#,
        "scopes" => "[KEYS_ADMIN]",
        "url" => r#""https://receiver.invalid/""#,
        _ => panic!("nobody has said what `{name}` is to be given"),
    }
}

/// Both documents, as they are in the repository.
struct Documents {
    /// Method and path of each `operationId`.
    rest: BTreeMap<String, (Method, String)>,
    types: BTreeMap<String, TypeKind>,
}

impl Documents {
    fn read() -> Self {
        let openapi: Value = serde_json::from_str(include_str!("../../../openapi/openapi.json")).expect("it is JSON");
        let mut rest = BTreeMap::new();
        for (path, methods) in openapi["paths"].as_object().expect("an object") {
            for (method, operation) in methods.as_object().expect("an object") {
                let name = operation["operationId"].as_str().expect("a name").to_owned();
                rest.insert(name, (method.to_uppercase().parse().expect("a method"), path.clone()));
            }
        }
        let schema = include_str!("../../../schema/schema.graphql");
        // The parser does not know that the schema itself can have a description.
        let (types, _) = schema.rsplit_once("\"\"\"\nMany WhatsApp accounts").expect("the schema has its description");
        let definitions = parse_schema(types).expect("it is a schema").definitions;
        let types = definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(found) => Some((found.node.name.node.to_string(), found.node.kind)),
            TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
        });
        Self { rest, types: types.collect() }
    }

    /// A row of the table as one operation, or as two if it is below a session as well; and its aliases, which the graph does not have.
    fn operations(&self, row: &operation::Operation) -> Vec<Operation> {
        let path = row.rest.map(|name| self.rest[name].1.as_str()).unwrap_or_default();
        let about = on(row.rest.unwrap_or_default(), path);
        let has_request =
            |field: &Field| ["Query", "Mutation", "Subscription"].contains(&field.parent) && field.name != "node";
        let mut graph = row.field.filter(has_request).map(|field| (field, self.request(field, about)));
        let is_on_something = graph.as_ref().is_some_and(|(_, text)| is_on(text));
        let mut operations = Vec::new();
        if let Some(name) = row.below_session {
            // The graph has one field for both. It is asked with the session, if it takes one.
            let graph = if is_on_something { graph.take() } else { None };
            operations.push(self.operation(name, row, graph));
        }
        match row.rest {
            Some(name) => operations.push(self.operation(name, row, graph)),
            None => {
                let Some((field, _)) = graph else { return operations };
                let on = if is_on_something { On::Session } else { On::Nothing };
                let operation::Operation { scope, second_scope, .. } = *row;
                operations.push(Operation { name: field.name, rest: None, graph, on, scope, second_scope });
            }
        }
        let aliases = row.rest_names().filter(|name| name.is_alias);
        let aliases = aliases.flat_map(|name| [Some(name.rest), name.below_session]).flatten();
        operations.extend(aliases.map(|name| self.operation(name, row, None)));
        operations
    }

    fn operation(&self, name: &'static str, row: &operation::Operation, graph: Option<(Field, String)>) -> Operation {
        let (method, path) = &self.rest[name];
        let on = on(name, path);
        let path = path.replace("{session_id}", "{id}").replace("{key_id}", "{id}");
        let path =
            path.replace("{webhook_id}", "{webhook}").replace("{delivery_id}", "none").replace("{link_id}", "none");
        let path =
            path.replace("{message_id}", "none").replace("{media_id}", "none").replace("{chat_id}", "15550100077");
        let operation::Operation { scope, second_scope, .. } = *row;
        Operation { name, rest: Some((method.clone(), path, body(name))), graph, on, scope, second_scope }
    }

    /// A request for a field, with all that it needs.
    fn request(&self, field: Field, on: On) -> String {
        let Some(TypeKind::Object(parent)) = self.types.get(field.parent) else { panic!("no {}", field.parent) };
        let found = parent.fields.iter().find(|found| found.node.name.node.as_str() == field.name);
        let FieldDefinition { arguments, ty, .. } = &found.unwrap_or_else(|| panic!("no {field:?}")).node;
        let arguments = self.arguments(arguments, on, given(field.name));
        let arguments = if arguments.is_empty() { arguments } else { format!("({arguments})") };
        let is_leaf = matches!(self.types.get(base(&ty.node)), None | Some(TypeKind::Scalar | TypeKind::Enum(_)));
        let selection = if is_leaf { "" } else { " { __typename }" };
        format!("{} {{ {}{arguments}{selection} }}", field.parent.to_lowercase(), field.name)
    }

    /// Values for the arguments that a field needs, or the fields that an input needs; and what it is given beside them.
    fn arguments(&self, wanted: &[Positioned<InputValueDefinition>], on: On, mut given: Option<&str>) -> String {
        let needed =
            || wanted.iter().map(|one| &one.node).filter(|one| !one.ty.node.nullable && one.default_value.is_none());
        // What has an id beside that of its webhook or its session is something in it.
        let is_inside = needed().any(|one| ["sessionId", "webhookId"].contains(&one.name.node.as_str()));
        let mut values = Vec::new();
        for InputValueDefinition { name, ty, .. } in needed() {
            let value = match self.types.get(base(&ty.node)) {
                // What is given beside goes into the input.
                Some(TypeKind::InputObject(input)) => {
                    format!("{{ {} }}", self.arguments(&input.fields, on, given.take()))
                }
                _ => value(&name.node, base(&ty.node), on, is_inside).to_owned(),
            };
            values.push(format!("{}: {value}", name.node));
        }
        values.extend(given.map(str::to_owned));
        values.join(", ")
    }
}

/// What an operation with this path is done to.
fn on(name: &str, path: &str) -> On {
    match name {
        // Its path does not say so.
        "createSession" => On::Session,
        "createWebhook" => On::All,
        _ if path.contains("{webhook_id}") => On::Webhook,
        _ if path.contains("{session_id}") => On::Session,
        _ if path.contains("{key_id}") => On::Key,
        _ => On::Nothing,
    }
}

/// Whether a request for the graph names what it is done to.
fn is_on(text: &str) -> bool {
    text.contains("{id}") || text.contains("{webhook}")
}

fn base(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => base(item),
    }
}
