//! What messages offer: groups, goods, orders, appointments. Their words are the text.

use entity::timestamp::Timestamp;
use entity::words::message::MessageType;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message as part;

use crate::event::body::offer::{MessageAppointment, MessageInvite, MessageOrder, MessageProduct};
use crate::whatsapp::reading::message::attached;
use crate::whatsapp::reading::message::content::{Content, Offer, int, text};
use crate::whatsapp::reading::party::somebody;

/// The last second of the year 9999: nobody means a later one, and not every calendar has one.
const LAST_SECOND: i64 = 253_402_300_799;

pub(super) fn offer(message: &wa::Message) -> Option<Content<'_>> {
    order(message).or_else(|| product(message)).or_else(|| invite(message)).or_else(|| appointment(message))
}

fn order(message: &wa::Message) -> Option<Content<'_>> {
    let order = message.order_message.as_option()?;
    let offer = Offer {
        order: Some(MessageOrder {
            order_id: order.order_id.clone(),
            token: order.token.clone(),
            title: order.order_title.clone(),
            item_count: int(order.item_count),
            seller: order.seller_jid.as_deref().and_then(somebody),
            total_thousandths: order.total_amount1000,
            currency: order.total_currency_code.clone(),
        }),
        ..Offer::default()
    };
    let words = [order.message.as_ref(), order.order_title.as_ref()];
    Some(offered(MessageType::Order, &words, offer).within(order.context_info.as_option()))
}

fn product(message: &wa::Message) -> Option<Content<'_>> {
    let shown = message.product_message.as_option()?;
    let goods = shown.product.as_option();
    let word = |field: fn(&part::product_message::ProductSnapshot) -> &Option<String>| {
        goods.and_then(|goods| field(goods).clone())
    };
    let title = word(|goods| &goods.title);
    let words = [shown.body.as_ref(), title.as_ref()];
    let content = text(&words);
    let product = MessageProduct {
        product_id: word(|goods| &goods.product_id),
        retailer_id: word(|goods| &goods.retailer_id),
        seller: shown.business_owner_jid.as_deref().and_then(somebody),
        title,
        description: word(|goods| &goods.description),
        url: word(|goods| &goods.url),
        price_thousandths: goods.and_then(|goods| goods.price_amount1000),
        currency: word(|goods| &goods.currency_code),
    };
    let offer = Offer { product: Some(product), ..Offer::default() };
    let content = Content { message_type: MessageType::Product, offer, ..content };
    Some(content.within(shown.context_info.as_option()))
}

fn invite(message: &wa::Message) -> Option<Content<'_>> {
    let invite = message.group_invite_message.as_option()?;
    let told = invite.group_jid.clone().map(|group| MessageInvite {
        group,
        name: invite.group_name.clone(),
        code: invite.invite_code.clone(),
        expires_at: invite.invite_expiration.and_then(moment),
    });
    let words = [invite.caption.as_ref(), invite.group_name.as_ref()];
    let offer = Offer { invite: told, ..Offer::default() };
    Some(offered(MessageType::GroupInvite, &words, offer).within(invite.context_info.as_option()))
}

fn appointment(message: &wa::Message) -> Option<Content<'_>> {
    let (told, words, context) = if let Some(event) = message.event_message.as_option() {
        let told = MessageAppointment {
            name: event.name.clone(),
            description: event.description.clone(),
            starts_at: event.start_time.and_then(moment),
            ends_at: event.end_time.and_then(moment),
            is_canceled: event.is_canceled == Some(true),
            join_link: event.join_link.clone(),
            place: event.location.as_option().and_then(attached::fixed),
        };
        (told, [event.name.as_ref(), event.description.as_ref()], &event.context_info)
    } else {
        let invite = message.event_invite_message.as_option()?;
        let told = MessageAppointment {
            name: invite.event_title.clone(),
            description: None,
            starts_at: invite.start_time.and_then(moment),
            ends_at: invite.end_time.and_then(moment),
            is_canceled: invite.is_canceled == Some(true),
            join_link: invite.call_link.clone(),
            place: None,
        };
        (told, [invite.caption.as_ref(), invite.event_title.as_ref()], &invite.context_info)
    };
    let offer = Offer { appointment: Some(told), ..Offer::default() };
    Some(offered(MessageType::Appointment, &words, offer).within(context.as_option()))
}

fn offered<'a>(message_type: MessageType, words: &[Option<&String>], offer: Offer) -> Content<'a> {
    Content { message_type, offer, ..text(words) }
}

fn moment(seconds: i64) -> Option<Timestamp> {
    (1..=LAST_SECOND).contains(&seconds).then(|| Timestamp::from_millis(seconds * 1000))
}
