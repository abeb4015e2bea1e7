//! When the library is through with a message. It tells of what a message became, and nothing if it became nothing; but it opens a
//! span for each and closes it at the end. Should it not: the order waits a little, and then no more.

use std::pin::Pin;
use std::sync::Arc;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing::span::Id;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The library's name for it. src: whatsapp-rust, message/receive.rs, handle_incoming_message_scoped
const SPAN: &str = "wa.recv.incoming";

/// A task that the library starts.
pub(super) type Task = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

tokio::task_local! {
    /// Whom to tell, in a task that takes messages.
    static TOLD: Arc<dyn Fn() + Send + Sync>;
}

struct Ends;

/// Hears of the end of each message. It sees nothing of them.
pub(in crate::whatsapp) fn layer<S>() -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_message = filter_fn(|metadata| metadata.is_span() && metadata.name() == SPAN);
    Ends.with_filter(is_message.with_max_level_hint(LevelFilter::DEBUG))
}

impl<S: Subscriber> Layer<S> for Ends {
    fn on_close(&self, _: Id, _: Context<'_, S>) {
        let _ = TOLD.try_with(|told| told()); // No other task has such spans.
    }
}

/// A task that tells of the end of each message in it.
pub(super) fn told(task: Task, told: impl Fn() + Send + Sync + 'static) -> Task {
    let told: Arc<dyn Fn() + Send + Sync> = Arc::new(told);
    Box::pin(TOLD.scope(told, task))
}
