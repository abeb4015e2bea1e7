//! The operations on webhooks a second time, below a session: the same handlers, at `/sessions/{session_id}/webhooks`, under the
//! names that the table of operations has for them there.

use std::collections::HashMap;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem_openapi::OpenApi;
use poem_openapi::registry::{MetaApi, MetaOperationParam, MetaParamIn, Registry};
use poem_openapi::types::Type;

use crate::api::operation;
use crate::api::webhook::dead_letters::DeadLettersApi;
use crate::api::webhook::rest::WebhooksApi;

/// What there is twice.
type Twice = (WebhooksApi, DeadLettersApi);
const TWICE: Twice = (WebhooksApi, DeadLettersApi);

/// `/api/v1/sessions/{session_id}/webhooks`.
#[derive(Debug)]
pub struct SessionWebhooksApi;

impl OpenApi for SessionWebhooksApi {
    fn meta() -> Vec<MetaApi> {
        let mut apis = Twice::meta();
        for path in apis.iter_mut().flat_map(|api| &mut api.paths) {
            path.path = format!("/sessions/{{session_id}}{}", path.path);
            for operation in &mut path.operations {
                operation.operation_id = operation.operation_id.and_then(operation::below_session);
                operation.params.insert(0, session());
            }
        }
        apis
    }

    fn register(registry: &mut Registry) {
        Twice::register(registry);
    }

    fn add_routes(self, routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {
        let mut own = HashMap::new();
        TWICE.add_routes(&mut own);
        routes.extend(own.into_iter().map(|(path, methods)| (format!("/sessions/:session_id{path}"), methods)));
    }
}

/// The parameter that stands before those of the operations.
fn session() -> MetaOperationParam {
    MetaOperationParam {
        name: "session_id".to_owned(),
        schema: String::schema_ref(),
        in_type: MetaParamIn::Path,
        description: Some("The session's id.".to_owned()),
        required: true,
        deprecated: false,
        explode: true,
        style: None,
    }
}
