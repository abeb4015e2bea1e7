//! Messages with buttons or lists, what people tap in them, and what shops, groups and events say about themselves: of all
//! these, the words.

use entity::words::MessageType;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message as part;
use whatsapp_rust::waproto::whatsapp::message::buttons_message::Header;
use whatsapp_rust::waproto::whatsapp::message::buttons_response_message::Response;
use whatsapp_rust::waproto::whatsapp::message::template_message::Format;

use crate::whatsapp::reading::message::content::Content;

pub(super) fn words(message: &wa::Message) -> Option<Content> {
    tapped(message).or_else(|| shown(message)).or_else(|| offered(message))
}

/// What somebody chose: the words on the button or the line. The message that it answers is the one with the buttons.
fn tapped(message: &wa::Message) -> Option<Content> {
    if let Some(tap) = message.buttons_response_message.as_option() {
        let shown = tap.response.as_ref().map(|Response::SelectedDisplayText(shown)| shown);
        return Some(text(&[shown]).within(tap.context_info.as_option()));
    }
    if let Some(tap) = message.list_response_message.as_option() {
        return Some(text(&[tap.title.as_ref(), tap.description.as_ref()]).within(tap.context_info.as_option()));
    }
    if let Some(tap) = message.template_button_reply_message.as_option() {
        return Some(text(&[tap.selected_display_text.as_ref()]).within(tap.context_info.as_option()));
    }
    let tap = message.interactive_response_message.as_option()?;
    let body = tap.body.as_option().and_then(|body| body.text.as_ref());
    Some(text(&[body]).within(tap.context_info.as_option()))
}

/// What stands above the buttons or the list.
fn shown(message: &wa::Message) -> Option<Content> {
    if let Some(buttons) = message.buttons_message.as_option() {
        let header = match &buttons.header {
            Some(Header::Text(header)) => Some(header),
            _ => None,
        };
        return Some(text(&[buttons.content_text.as_ref(), header]).within(buttons.context_info.as_option()));
    }
    if let Some(list) = message.list_message.as_option() {
        return Some(text(&[list.description.as_ref(), list.title.as_ref()]).within(list.context_info.as_option()));
    }
    if let Some(template) = message.template_message.as_option() {
        return Some(self::template(template).within(template.context_info.as_option()));
    }
    let shown = message.interactive_message.as_option()?;
    Some(interactive(shown).within(shown.context_info.as_option()))
}

fn template(template: &part::TemplateMessage) -> Content {
    let rows = match &template.format {
        Some(Format::InteractiveMessageTemplate(shown)) => return interactive(shown),
        Some(Format::HydratedFourRowTemplate(rows)) => Some(&**rows),
        _ => template.hydrated_template.as_option(),
    };
    text(&[rows.and_then(|rows| rows.hydrated_content_text.as_ref())])
}

fn interactive(shown: &part::InteractiveMessage) -> Content {
    let body = shown.body.as_option().and_then(|body| body.text.as_ref());
    let title = shown.header.as_option().and_then(|header| header.title.as_ref());
    text(&[body, title])
}

/// What is offered: goods, a group, an event. There is no word for these yet.
fn offered(message: &wa::Message) -> Option<Content> {
    let (texts, context) = if let Some(order) = message.order_message.as_option() {
        ([&order.message, &order.order_title], &order.context_info)
    } else if let Some(offer) = message.product_message.as_option() {
        ([&offer.body, &offer.product.title], &offer.context_info)
    } else if let Some(invite) = message.group_invite_message.as_option() {
        ([&invite.caption, &invite.group_name], &invite.context_info)
    } else if let Some(event) = message.event_message.as_option() {
        ([&event.name, &event.description], &event.context_info)
    } else {
        let invite = message.event_invite_message.as_option()?;
        ([&invite.caption, &invite.event_title], &invite.context_info)
    };
    let content = text(&texts.map(Option::as_ref)).within(context.as_option());
    Some(Content { message_type: MessageType::Unknown, ..content })
}

/// The first of these that says something.
fn text(texts: &[Option<&String>]) -> Content {
    let text = texts.iter().flatten().find(|text| !text.is_empty()).map(|text| (*text).clone());
    Content { text, ..Content::of(MessageType::Text) }
}
