//! How much of a message is told. Phones of people who mean it well stay far below; what somebody else's program sends must not
//! fill the disk, or what receivers take in.

use crate::event::body::context::{MessageReferral, MessageTap};
use crate::event::body::location::MessageLocation;
use crate::event::body::message::{MessageContact, MessageEvent, MessageMedia, MessagePoll, MessageQuote};
use crate::event::body::offer::{MessageAppointment, MessageInvite, MessageOrder, MessageProduct};
use crate::event::body::party::Party;

/// Longest text, bytes. WhatsApp's apps allow 65,536 characters, of up to four bytes each.
pub(super) const TEXT_BYTES: usize = 256 * 1024;
/// Longest text of a message that another one answers, bytes.
pub(super) const QUOTE_BYTES: usize = 64 * 1024;
/// Longest name, title, address or id, bytes.
pub(super) const NAME_BYTES: usize = 4 * 1024;
/// Longest card, and all cards of a message together, bytes: with a picture in each. Half a card is none, so one that is beyond
/// is left out.
pub(super) const CARD_BYTES: usize = 256 * 1024;
pub(super) const CARDS_BYTES: usize = 1024 * 1024;

/// Cuts what is too long. A new field has to be named here.
pub(super) fn cut(event: &mut MessageEvent) {
    let MessageEvent {
        message_id: _,
        chat: _,
        partner,
        from: _,
        from_phone: _,
        participant: _,
        sender,
        is_from_me: _,
        is_group: _,
        push_name,
        timestamp: _,
        message_type: _,
        text,
        caption,
        media,
        location,
        quoted,
        mentions: _,
        mentioned: _,
        reaction,
        edit,
        revoke,
        poll,
        contacts,
        tap,
        referral,
        forward: _,
        verified_name,
        disappearing: _,
        is_view_once: _,
        album,
        pin,
        keep,
        comment,
        invite,
        order,
        product,
        appointment,
        attendance,
        unknown: _,
        offline: _,
    } = event;
    for text in [text, caption].into_iter().flatten() {
        shorten(text, TEXT_BYTES);
    }
    for name in [push_name, verified_name].into_iter().flatten() {
        shorten(name, NAME_BYTES);
    }
    for Party { push_name, .. } in partner.iter_mut().chain([sender]) {
        names([push_name]);
    }
    media.iter_mut().for_each(|MessageMedia { mimetype, file_sha256, file_name, .. }| {
        names([mimetype, file_sha256, file_name]);
    });
    let place = appointment.iter_mut().filter_map(|appointment| appointment.place.as_mut());
    location.iter_mut().chain(place).for_each(|MessageLocation { name, address, .. }| names([name, address]));
    quoted.iter_mut().for_each(quote);
    let reaction = reaction.iter_mut().flat_map(|reaction| [&mut reaction.message_id, &mut reaction.emoji]);
    let edit = edit.iter_mut().map(|edit| &mut edit.message_id);
    let revoke =
        revoke.iter_mut().flat_map(|revoke| [&mut revoke.message_id].into_iter().chain(&mut revoke.participant));
    let album = album.iter_mut().map(|album| &mut album.message_id);
    let comment = comment.iter_mut().map(|comment| &mut comment.message_id);
    let marks = [pin.as_mut().map(|pin| &mut pin.message_id), keep.as_mut().map(|keep| &mut keep.message_id)];
    let answered = attendance.iter_mut().map(|attendance| &mut attendance.message_id);
    let about = marks.into_iter().flatten().chain(answered);
    reaction.chain(edit).chain(revoke).chain(album).chain(comment).chain(about).for_each(|id| shorten(id, NAME_BYTES));
    poll.iter_mut().for_each(|MessagePoll { name, options, vote_on, .. }| {
        names([name, vote_on]);
        options.iter_mut().for_each(|option| shorten(option, NAME_BYTES));
    });
    // What a flow answers is whole or absent.
    tap.iter_mut().for_each(|MessageTap { id, flow, .. }| names([id, flow]));
    referral.iter_mut().for_each(origin);
    offers(invite, order, product, appointment);
    cards(contacts);
}

/// What a message offers, beside words.
fn offers(
    invite: &mut Option<MessageInvite>,
    order: &mut Option<MessageOrder>,
    product: &mut Option<MessageProduct>,
    appointment: &mut Option<MessageAppointment>,
) {
    invite.iter_mut().for_each(|MessageInvite { group, name, code, expires_at: _ }| {
        shorten(group, NAME_BYTES);
        names([name, code]);
    });
    order.iter_mut().for_each(|MessageOrder { order_id, token, title, currency, .. }| {
        names([order_id, token, title, currency]);
    });
    product.iter_mut().for_each(
        |MessageProduct { product_id, retailer_id, title, description, url, currency, .. }| {
            names([product_id, retailer_id, title, description, url, currency]);
        },
    );
    appointment.iter_mut().for_each(|MessageAppointment { name, description, join_link, .. }| {
        names([name, description, join_link]);
    });
}

fn quote(quoted: &mut MessageQuote) {
    let MessageQuote { message_id, participant, author: _, chat: _, is_status: _, message_type: _, text } = quoted;
    shorten(message_id, NAME_BYTES);
    names([participant]);
    text.iter_mut().for_each(|text| shorten(text, QUOTE_BYTES));
}

fn origin(referral: &mut MessageReferral) {
    let MessageReferral {
        source_type,
        source_id,
        source_url,
        source_app,
        title,
        body,
        media_url,
        thumbnail_url,
        click_id,
        reference,
        signals,
        payload,
        conversion_source,
        conversion_data,
        conversion_delay_seconds: _,
        entry_point_source,
        entry_point_app,
        entry_point_delay_seconds: _,
        entry_point_external_source,
        entry_point_external_medium,
        utm_source,
        utm_campaign,
    } = referral;
    names([source_type, source_id, source_url, source_app, title, body, media_url, thumbnail_url, click_id, reference]);
    names([signals, conversion_source, entry_point_source, entry_point_app]);
    names([entry_point_external_source, entry_point_external_medium, utm_source, utm_campaign]);
    // Half of these is of no use.
    for bytes in [payload, conversion_data] {
        bytes.take_if(|bytes| bytes.len() > NAME_BYTES);
    }
}

fn cards(contacts: &mut [MessageContact]) {
    let mut left = CARDS_BYTES;
    for MessageContact { display_name, vcard, people: _ } in contacts {
        names([display_name]);
        vcard.take_if(|card| card.len() > CARD_BYTES.min(left));
        left -= vcard.as_ref().map_or(0, String::len);
    }
}

fn names<const COUNT: usize>(names: [&mut Option<String>; COUNT]) {
    for name in names.into_iter().flatten() {
        shorten(name, NAME_BYTES);
    }
}

/// Cuts between two characters.
fn shorten(text: &mut String, most: usize) {
    let end = text.floor_char_boundary(most);
    text.truncate(end);
}
