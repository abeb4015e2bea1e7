//! The graph, put together from the subjects, and the ways to have it answer.

use std::sync::{Arc, OnceLock};

use async_graphql::{MergedObject, MergedSubscription, Request, Response, Schema, SchemaBuilder};
use futures::stream::{BoxStream, StreamExt};

use crate::api::chat::graphql::ChatMutation;
use crate::api::error;
use crate::api::event::graphql::{EventQuery, EventSubscription};
use crate::api::graphql::documents::{Document, Documents};
use crate::api::graphql::me::MeQuery;
use crate::api::graphql::node::NodeQuery;
use crate::api::graphql::{failure, limit};
use crate::api::key::graphql::{KeyMutation, KeyQuery};
use crate::api::media::graphql::{MediaMutation, MediaQuery};
use crate::api::message::graphql::{MessageMutation, MessageQuery};
use crate::api::message_action::graphql::MessageActionMutation;
use crate::api::message_mark::graphql::MessageMarkMutation;
use crate::api::pairing_link::graphql::{PairingLinkMutation, PairingLinkQuery};
use crate::api::poll::graphql::{PollMutation, PollQuery};
use crate::api::services::Api;
use crate::api::session::graphql::{SessionMutation, SessionQuery, SessionSubscription};
use crate::api::webhook::graphql::{WebhookMutation, WebhookQuery};
use crate::caller::Caller;

/// What can be asked.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub(super) struct Queries(
    SessionQuery,
    NodeQuery,
    KeyQuery,
    PairingLinkQuery,
    MessageQueries,
    MeQuery,
    EventQuery,
    WebhookQuery,
);

/// What can be asked about messages. Apart, since each of a row is inside the one before: the compiler gives up at some depth.
#[derive(MergedObject, Default)]
#[graphql(name = "AllMessageQueries")]
pub(super) struct MessageQueries(MessageQuery, MediaQuery, PollQuery);

/// What can be done. Each mutation takes one `input`, if it takes anything, and answers with what it changed.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub(super) struct Mutations(
    SessionMutation,
    PairingLinkMutation,
    MessageMutations,
    ChatMutation,
    KeyMutation,
    WebhookMutation,
);

/// What can be done with messages. Apart as well.
#[derive(MergedObject, Default)]
#[graphql(name = "AllMessageMutations")]
pub(super) struct MessageMutations(
    MessageMutation,
    MessageActionMutation,
    MediaMutation,
    MessageMarkMutation,
    PollMutation,
);

/// What can be followed: the present state first, then every change, until the subscriber leaves.
#[derive(MergedSubscription, Default)]
#[graphql(name = "Subscription")]
pub(super) struct Subscriptions(SessionSubscription, EventSubscription);

/// The graph as the framework has it.
pub(super) type Built = Schema<Queries, Mutations, Subscriptions>;

/// The graph, ready to be asked.
#[derive(Clone)]
pub(in crate::api) struct Graph {
    api: Arc<Api>,
    /// Built for the first request that is admitted: it describes every type, and most servers are asked over REST alone.
    schema: Arc<OnceLock<Built>>,
    documents: Documents,
}

impl Graph {
    /// The graph over these services.
    pub(in crate::api) fn new(api: Arc<Api>) -> Self {
        Self { api, schema: Arc::default(), documents: Documents::default() }
    }

    fn schema(&self) -> &Built {
        self.schema.get_or_init(|| {
            let builder = builder().data(Arc::clone(&self.api));
            if self.api.has_introspection { builder.finish() } else { builder.disable_introspection().finish() }
        })
    }

    /// Takes a request that keeps the limits. There is no other way to have one answered.
    ///
    /// # Errors
    /// The answer to one that does not, or that cannot be read.
    pub(super) fn admit(&self, mut request: Request, request_id: &str) -> std::result::Result<Admitted, Box<Response>> {
        let read = self.documents.read(&request.query);
        match read.and_then(|document| document.give(&mut request).map(|()| document)) {
            Ok(document) => Ok(Admitted { request, document }),
            Err(refusal) => Err(Box::new(failure::explained(*refusal, request_id))),
        }
    }

    /// Answers a query or a mutation.
    pub(super) async fn execute(&self, admitted: Admitted, caller: Caller, request_id: &str) -> Response {
        let Admitted { request, document } = admitted;
        let operation = request.operation_name.clone();
        let mut response = self.schema().execute(request.data(caller)).await;
        document.arrange(operation.as_deref(), &mut response.data);
        failure::explained(response, request_id)
    }

    /// Answers any operation, a subscription with as many answers as there are changes.
    pub(super) fn stream(&self, request: Request, caller: Caller, request_id: String) -> BoxStream<'static, Response> {
        match self.admit(request, &request_id) {
            Ok(admitted) => self.answers(admitted, caller, request_id),
            Err(refusal) => futures::stream::once(async move { *refusal }).boxed(),
        }
    }

    /// The answers to an operation.
    pub(super) fn answers(
        &self,
        admitted: Admitted,
        caller: Caller,
        request_id: String,
    ) -> BoxStream<'static, Response> {
        let Admitted { request, document } = admitted;
        let operation = request.operation_name.clone();
        let answers = self.schema().execute_stream(request.data(caller)).map(move |mut response| {
            document.arrange(operation.as_deref(), &mut response.data);
            failure::explained(response, &request_id)
        });
        answers.boxed()
    }
}

/// A request that keeps the limits, with its document.
pub(super) struct Admitted {
    request: Request,
    document: Arc<Document>,
}

impl Admitted {
    /// Whether an operation of its document changes something, be it the one that is asked for or not.
    pub(super) fn has_mutation(&self) -> bool {
        self.document.has_mutation()
    }
}

pub(super) fn builder() -> SchemaBuilder<Queries, Mutations, Subscriptions> {
    limit::apply(Schema::build(Queries::default(), Mutations::default(), Subscriptions::default()))
}

/// The schema, as it is written to the repository.
pub fn sdl() -> String {
    let schema = builder().finish();
    let mut codes: Vec<_> =
        error::codes().chain(limit::CODES.iter().copied()).map(|code| format!("`{code}`")).collect();
    codes.sort();
    codes.dedup();
    let description = format!(
        "\"\"\"\nMany WhatsApp accounts over one API. Every failure has one of these codes in `extensions.code`: {}. \
         A request without a valid key is refused before it is read: 401, with a problem (RFC 9457) as its body.\n\"\"\"\nschema {{",
        codes.join(", ")
    );
    let options = async_graphql::SDLExportOptions::new().include_specified_by().prefer_single_line_descriptions();
    schema.sdl_with_options(options).replacen("schema {", &description, 1)
}
