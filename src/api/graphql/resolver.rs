//! What every resolver needs: the services, who asks, and a way to fail.

use std::sync::Arc;

use async_graphql::Context;

use crate::api::services::Api;
use crate::caller::Caller;
use crate::error::Error;
use crate::page::Window;

/// Items of a page when its size is not said.
pub(in crate::api) const PAGE_DEFAULT: u32 = 50;

/// The value of the present field, or null with the failure beside it, as the specification has it. The framework would
/// leave a field out that failed: whatever can fail must be nullable, and end here.
pub(in crate::api) fn or_null<T>(ctx: &Context<'_>, outcome: std::result::Result<T, Error>) -> Option<T> {
    let failed = |error| {
        let failure = async_graphql::Error::new_with_source(error).into_server_error(ctx.item.pos);
        ctx.add_error(ctx.set_error_path(failure));
    };
    outcome.map_err(failed).ok()
}

/// The services, as a resolver gets them.
pub(in crate::api) fn api<'a>(ctx: &Context<'a>) -> &'a Api {
    ctx.data_unchecked::<Arc<Api>>()
}

/// Who asks, as a resolver gets it.
pub(in crate::api) fn caller<'a>(ctx: &Context<'a>) -> &'a Caller {
    ctx.data_unchecked::<Caller>()
}

/// The part of a list that is asked for; of the usual size when none is given.
pub(in crate::api) fn window(
    first: Option<u32>,
    after: Option<String>,
    last: Option<u32>,
    before: Option<String>,
) -> Window {
    let first = if last.is_none() { first.or(Some(PAGE_DEFAULT)) } else { first };
    Window { first, last, after, before }
}
