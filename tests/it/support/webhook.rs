//! Webhooks, the same through each way to them: below their session, beside all others, and over GraphQL.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::door::{Answer, Door};

/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);

/// All that is shown of a webhook over GraphQL.
const WEBHOOK: &str = "id sessionId url events headerNames filters { ignoreGroups ignoreStatus ignoreOwn ignoreChannels ignoreBroadcasts } ordered \
                       enabled disabledReason hasSecret failingSince lastError";
const DELIVERY: &str = "id webhookId sessionId eventId event state attempts { durationMs status error reply }";

/// A way to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// REST, below its session.
    Session,
    /// REST, beside all webhooks.
    All,
    /// GraphQL.
    Graph,
}

/// The webhooks of one session, through one way. All answers are as REST words them, without moments.
#[derive(Clone)]
pub struct Webhooks {
    door: Door,
    way: Way,
    session: String,
}

/// An answer, or the code of a refusal.
pub type Outcome = Result<Value, String>;

impl Webhooks {
    /// Those of this session.
    pub fn of(door: &Door, way: Way, session: &str) -> Self {
        Self { door: door.clone(), way, session: session.to_owned() }
    }

    /// Creates one. Beside all webhooks only those for all sessions are created, so this goes below the session then.
    pub async fn create(&self, new: Value) -> Outcome {
        if self.way != Way::Graph {
            return self.rest(Method::POST, "/webhooks", &new).await;
        }
        let mut input = as_input(new);
        input["sessionId"] = json!(self.session);
        self.mutate("createWebhook", "CreateWebhookInput", input, WEBHOOK).await
    }

    /// All of the session.
    pub async fn list(&self) -> Vec<Value> {
        let found = match self.way {
            Way::Session => {
                self.rest(Method::GET, "/webhooks", &Value::Null).await.map(|list| list["webhooks"].clone())
            }
            Way::All => {
                let all = self.door.ask(Method::GET, "/api/v1/webhooks", &Value::Null).await;
                outcome(all).map(|list| list["webhooks"].clone())
            }
            Way::Graph => {
                let query = format!("query($id: ID) {{ webhooks(sessionId: $id) {{ nodes {{ {WEBHOOK} }} }} }}");
                self.graph("webhooks", &query, json!({ "id": self.session })).await.map(|list| list["nodes"].clone())
            }
        };
        found.expect("a list").as_array().expect("a list").clone()
    }

    /// One of them.
    pub async fn show(&self, id: &str) -> Outcome {
        if self.way != Way::Graph {
            return self.at(Method::GET, id, "", &Value::Null).await;
        }
        let query = format!("query($id: ID!) {{ webhook(id: $id) {{ {WEBHOOK} }} }}");
        self.graph("webhook", &query, json!({ "id": id })).await
    }

    /// Changes one.
    pub async fn change(&self, id: &str, changes: Value) -> Outcome {
        if self.way != Way::Graph {
            return self.at(Method::PATCH, id, "", &changes).await;
        }
        let mut input = as_input(changes);
        input["id"] = json!(id);
        self.mutate("updateWebhook", "UpdateWebhookInput", input, WEBHOOK).await
    }

    /// Removes one.
    pub async fn remove(&self, id: &str) -> Outcome {
        self.order(Method::DELETE, id, "", "deleteWebhook", WEBHOOK).await
    }

    /// Posts a test event.
    pub async fn ping(&self, id: &str) -> Outcome {
        self.order(Method::POST, id, "/ping", "pingWebhook", "durationMs status error reply").await
    }

    /// Switches one on.
    pub async fn enable(&self, id: &str) -> Outcome {
        self.order(Method::POST, id, "/enable", "enableWebhook", WEBHOOK).await
    }

    /// Gives one a new secret.
    pub async fn rotate(&self, id: &str, how: Value) -> Outcome {
        if self.way != Way::Graph {
            return self.at(Method::POST, id, "/secret/rotate", &how).await;
        }
        let mut input = as_input(how);
        input["id"] = json!(id);
        let fields = format!("secret webhook {{ {WEBHOOK} }}");
        self.mutate("rotateWebhookSecret", "RotateWebhookSecretInput", input, &fields).await
    }

    /// Delivers a range once more.
    pub async fn replay(&self, id: &str, range: Value) -> Outcome {
        if self.way != Way::Graph {
            return self.at(Method::POST, id, "/replay", &range).await;
        }
        let mut input = as_input(range);
        input["id"] = json!(id);
        self.mutate("replayWebhook", "ReplayWebhookInput", input, "queued").await
    }

    /// Tries a delivery now.
    pub async fn retry(&self, id: &str, delivery: &str) -> Outcome {
        if self.way != Way::Graph {
            return self.at(Method::POST, id, &format!("/deliveries/{delivery}/retry"), &Value::Null).await;
        }
        let input = json!({ "webhookId": id, "id": delivery });
        self.mutate("retryWebhookDelivery", "RetryWebhookDeliveryInput", input, DELIVERY).await
    }

    /// Gives a delivery up.
    pub async fn discard(&self, id: &str, delivery: &str) -> Outcome {
        if self.way != Way::Graph {
            return self.at(Method::POST, id, &format!("/deliveries/{delivery}/discard"), &Value::Null).await;
        }
        let input = json!({ "webhookId": id, "id": delivery });
        self.mutate("discardWebhookDelivery", "DiscardWebhookDeliveryInput", input, DELIVERY).await
    }

    /// Deliveries in a state, newest first.
    pub async fn deliveries(&self, id: &str, state: &str) -> Vec<Value> {
        let found = if self.way == Way::Graph {
            let query = format!(
                "query($id: ID!, $state: DeliveryState) {{ webhookDeliveries(webhookId: $id, state: $state) \
                 {{ nodes {{ {DELIVERY} }} }} }}"
            );
            self.graph("webhookDeliveries", &query, json!({ "id": id, "state": state.to_uppercase() })).await
        } else {
            self.at(Method::GET, id, &format!("/deliveries?state={state}"), &Value::Null).await
        };
        let found = found.expect("a list");
        let list = if self.way == Way::Graph { &found["nodes"] } else { &found["deliveries"] };
        list.as_array().expect("a list").clone()
    }

    /// Waits until so many deliveries are in a state.
    pub async fn reach(&self, id: &str, state: &str, count: usize) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let found = self.deliveries(id, state).await;
            if found.len() >= count {
                return found;
            }
            assert!(begun.elapsed() < LIMIT, "{} of {count} are {state}", found.len());
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// A request without a body, or its mutation.
    async fn order(&self, method: Method, id: &str, below: &str, mutation: &str, fields: &str) -> Outcome {
        if self.way == Way::Graph {
            return self.mutate(mutation, "WebhookInput", json!({ "id": id }), fields).await;
        }
        self.at(method, id, below, &Value::Null).await
    }

    async fn at(&self, method: Method, id: &str, below: &str, body: &Value) -> Outcome {
        match self.way {
            Way::All => outcome(self.door.ask(method, &format!("/api/v1/webhooks/{id}{below}"), body).await),
            _ => self.rest(method, &format!("/webhooks/{id}{below}"), body).await,
        }
    }

    async fn rest(&self, method: Method, below: &str, body: &Value) -> Outcome {
        outcome(self.door.ask(method, &format!("/api/v1/sessions/{}{below}", self.session), body).await)
    }

    async fn mutate(&self, mutation: &str, input_type: &str, input: Value, fields: &str) -> Outcome {
        let query = format!("mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ {fields} }} }}");
        self.graph(mutation, &query, json!({ "input": input })).await
    }

    async fn graph(&self, field: &str, query: &str, variables: Value) -> Outcome {
        let answer = self.door.graph(query, variables).await.json();
        match answer["errors"][0]["extensions"]["code"].as_str() {
            Some(code) => Err(code.to_lowercase()),
            None => Ok(as_rest(&answer["data"][field])),
        }
    }
}

fn outcome(answer: Answer) -> Outcome {
    if answer.status < 300 { Ok(as_rest(&answer.json())) } else { Err(answer.problem().1) }
}

/// The names of GraphQL for the fields of a request; what is in `headers` stays.
fn as_input(body: Value) -> Value {
    let Value::Object(fields) = body else { return body };
    let fields = fields.into_iter().map(|(name, value)| {
        let value = if name == "headers" { value } else { as_input(value) };
        (camel(&name), value)
    });
    Value::Object(fields.collect())
}

/// The names and words of REST for what either door answers, without the moments, which they word differently.
fn as_rest(answer: &Value) -> Value {
    match answer {
        Value::Object(fields) => {
            let mut shown = Map::new();
            for (name, value) in fields {
                let name = snake(name);
                if name.ends_with("_at") || (name == "failing_since" && !value.is_null()) {
                    continue;
                }
                let is_word = matches!(name.as_str(), "state" | "event" | "events" | "disabled_reason");
                let value = if is_word { lower(value) } else { as_rest(value) };
                shown.insert(name, value);
            }
            Value::Object(shown)
        }
        Value::Array(items) => items.iter().map(as_rest).collect(),
        other => other.clone(),
    }
}

fn lower(words: &Value) -> Value {
    match words {
        Value::String(word) => json!(word.to_lowercase()),
        Value::Array(words) => words.iter().map(lower).collect(),
        other => other.clone(),
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| camel + &word[..1].to_uppercase() + &word[1..])
}

fn snake(name: &str) -> String {
    let letters = name.chars().flat_map(|letter| {
        let is_new = letter.is_uppercase();
        is_new.then_some('_').into_iter().chain(letter.to_lowercase())
    });
    letters.collect()
}
