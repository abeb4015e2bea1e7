//! Parts of lists in SQL: every list is ordered by creation, then by id, and read from a place on.

use sea_orm::{ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::page::Bounds;

/// The part within these bounds: nearest first, so that what is read from the end comes newest first; one more than the limit
/// if there are more.
pub fn keyset<E>(found: Select<E>, created_at: E::Column, id: E::Column, bounds: &Bounds) -> Select<E>
where
    E: EntityTrait,
{
    let Bounds { after, before, limit: _, is_from_end } = bounds;
    let behind = after.as_ref().map(|place| {
        let same = Condition::all().add(created_at.eq(place.created_at)).add(id.gt(place.id.clone()));
        Condition::any().add(created_at.gt(place.created_at)).add(same)
    });
    let before = before.as_ref().map(|place| {
        let same = Condition::all().add(created_at.eq(place.created_at)).add(id.lt(place.id.clone()));
        Condition::any().add(created_at.lt(place.created_at)).add(same)
    });
    let order = if *is_from_end { Order::Desc } else { Order::Asc };
    found
        .filter(Condition::all().add_option(behind).add_option(before))
        .order_by(created_at, order.clone())
        .order_by(id, order)
        .limit(bounds.reach())
}
