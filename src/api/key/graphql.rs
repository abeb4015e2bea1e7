//! Keys and stream tickets in the graph.

use async_graphql::connection::{Connection, Edge, EmptyFields};
use async_graphql::{Context, ID, InputObject, Object};
use entity::ids::KeyId;

use crate::api::graphql::resolver::{PAGE_DEFAULT, api, caller, or_null, window};
use crate::key;
use crate::key::types::{IssuedKey, Key, KeyRotation, NewKey, StreamTicket};

/// What can be asked about keys.
#[derive(Default)]
pub struct KeyQuery;

/// What can be done to keys.
#[derive(Default)]
pub struct KeyMutation;

type KeyConnection = Connection<String, Key, EmptyFields, EmptyFields>;

/// Which key.
#[derive(InputObject)]
pub struct KeyInput {
    /// The key's id.
    id: ID,
}

/// How a key is to be rotated.
#[derive(InputObject)]
pub struct RotateKeyInput {
    /// The key's id.
    id: ID,
    #[graphql(flatten)]
    rotation: KeyRotation,
}

/// What can be asked about keys.
#[Object(name = "KeyQueries")]
impl KeyQuery {
    /// Lists the keys that may do no more than this one, oldest first.
    #[graphql(complexity = "first.or(last).unwrap_or(PAGE_DEFAULT).min(100) as usize * child_complexity")]
    async fn keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 50 when neither this nor `last` is given.")] first: Option<u32>,
        #[graphql(desc = "Only those behind this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<u32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Option<KeyConnection> {
        let outcome = async {
            let slice = api(ctx).keys.slice(caller(ctx), &window(first, after, last, before))?;
            let mut connection = Connection::new(slice.has_previous, slice.has_next);
            connection.edges.extend(slice.items.into_iter().map(|key| Edge::new(key::cursor_of(&key), key)));
            Ok(connection)
        };
        or_null(ctx, outcome.await)
    }
}

/// What can be done to keys. Each mutation takes one `input` and answers with what it changed.
#[Object(name = "KeyMutations")]
impl KeyMutation {
    /// Creates a key that may do no more than the one that makes it.
    async fn create_key(&self, ctx: &Context<'_>, input: NewKey) -> Option<IssuedKey> {
        or_null(ctx, api(ctx).keys.create(caller(ctx), input).await)
    }

    /// Gives a ticket that opens one stream in place of the key, within a minute.
    ///
    /// For `EventSource`, which can send no header: it goes into the stream's address as `?ticket=`, here
    /// `/graphql/stream?query=..&ticket=..`. Who opens it again needs another ticket.
    async fn create_stream_ticket(&self, ctx: &Context<'_>) -> Option<StreamTicket> {
        or_null(ctx, api(ctx).keys.issue_ticket(caller(ctx)))
    }

    /// Revokes a key; the sockets and streams that live by it end within a second.
    async fn delete_key(&self, ctx: &Context<'_>, input: KeyInput) -> Option<Key> {
        or_null(ctx, api(ctx).keys.delete(caller(ctx), &KeyId::named(&input.id)).await)
    }

    /// Gives a key a new token; the one before works on for a while.
    async fn rotate_key(&self, ctx: &Context<'_>, input: RotateKeyInput) -> Option<IssuedKey> {
        let outcome = async {
            let RotateKeyInput { id, rotation } = input;
            api(ctx).keys.rotate(caller(ctx), &KeyId::named(&id), rotation.overlap_seconds).await
        };
        or_null(ctx, outcome.await)
    }
}
