//! Which deliveries wait in a lane, and in which order: what the SQL on deliveries and that on lanes both ask.

use entity::delivery;
use entity::ids::{SessionId, WebhookId};
use entity::words::webhook::DeliveryState;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, Select};

/// In the order of a lane: by positions of the journal, which only grow. Clocks are set back.
pub(in crate::webhook) fn in_turn(found: Select<delivery::Entity>) -> Select<delivery::Entity> {
    found.order_by_asc(delivery::Column::SortKey).order_by_asc(delivery::Column::Position)
}

/// What waits in the lane of this webhook and this session.
pub(in crate::webhook) fn pending(webhook: &WebhookId, session: &SessionId) -> Select<delivery::Entity> {
    delivery::Entity::find()
        .filter(delivery::Column::WebhookId.eq(webhook.clone()))
        .filter(delivery::Column::SessionId.eq(session.clone()))
        .filter(is(DeliveryState::Pending))
}

/// Written out, not bound: an index of the rows in one state is only used by who names it.
pub(in crate::webhook) fn is(state: DeliveryState) -> Expr {
    Expr::col(delivery::Column::State).eq(Expr::Constant(state.as_str().into()))
}
