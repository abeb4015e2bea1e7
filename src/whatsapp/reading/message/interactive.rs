//! Messages with buttons or lists, and what people tap in them: the words, and the ids.

use entity::words::message::TapKind;
use serde::Deserialize;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message as part;
use whatsapp_rust::waproto::whatsapp::message::buttons_message::Header;
use whatsapp_rust::waproto::whatsapp::message::buttons_response_message::Response;
use whatsapp_rust::waproto::whatsapp::message::interactive_response_message::InteractiveResponseMessage as Reply;
use whatsapp_rust::waproto::whatsapp::message::template_message::Format;

use crate::event::body::context::MessageTap;
use crate::whatsapp::reading::message::content::{Content, int, text};

/// Most that a flow can answer, bytes.
const PARAMS_BYTES: usize = 64 * 1024;

/// What is looked for in the answer of a flow.
#[derive(Deserialize)]
struct Params {
    id: Option<String>,
}

pub(super) fn words(message: &wa::Message) -> Option<Content<'_>> {
    tapped(message).or_else(|| shown(message))
}

/// What somebody chose: the words on the button or the line, and its id. The message that it answers is the one with the buttons.
fn tapped(message: &wa::Message) -> Option<Content<'_>> {
    if let Some(tap) = message.buttons_response_message.as_option() {
        let shown = tap.response.as_ref().map(|Response::SelectedDisplayText(shown)| shown);
        let content = tap_on(TapKind::Button, tap.selected_button_id.clone(), &[shown]);
        return Some(content.within(tap.context_info.as_option()));
    }
    if let Some(tap) = message.list_response_message.as_option() {
        let row = tap.single_select_reply.as_option().and_then(|reply| reply.selected_row_id.clone());
        let content = tap_on(TapKind::ListRow, row, &[tap.title.as_ref(), tap.description.as_ref()]);
        return Some(content.within(tap.context_info.as_option()));
    }
    if let Some(reply) = message.template_button_reply_message.as_option() {
        let shown = reply.selected_display_text.as_ref();
        let content = tap_on(TapKind::TemplateButton, reply.selected_id.clone(), &[shown]);
        let tap = content.tap.map(|tap| MessageTap { index: int(reply.selected_index), ..tap });
        return Some(Content { tap, ..content }.within(reply.context_info.as_option()));
    }
    let reply = message.interactive_response_message.as_option()?;
    let body = reply.body.as_option().and_then(|body| body.text.as_ref());
    let content = Content { tap: Some(flow(reply)), ..text(&[body]) };
    Some(content.within(reply.context_info.as_option()))
}

fn tap_on<'a>(kind: TapKind, id: Option<String>, words: &[Option<&String>]) -> Content<'a> {
    let tap = MessageTap { kind, id, index: None, flow: None, params_json: None };
    Content { tap: Some(tap), ..text(words) }
}

/// What a flow answers. When a button of its was tapped, its id stands in there.
fn flow(reply: &part::InteractiveResponseMessage) -> MessageTap {
    let answer = reply.interactive_response_message.as_ref().map(|Reply::NativeFlowResponseMessage(answer)| answer);
    let params_json = answer.and_then(|answer| answer.params_json.clone()).filter(|json| json.len() <= PARAMS_BYTES);
    let params = params_json.as_deref().and_then(|json| serde_json::from_str::<Params>(json).ok());
    let flow = answer.and_then(|answer| answer.name.clone());
    MessageTap { kind: TapKind::Flow, id: params.and_then(|params| params.id), index: None, flow, params_json }
}

/// What stands above the buttons or the list.
fn shown(message: &wa::Message) -> Option<Content<'_>> {
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

fn template<'a>(template: &part::TemplateMessage) -> Content<'a> {
    let rows = match &template.format {
        Some(Format::InteractiveMessageTemplate(shown)) => return interactive(shown),
        Some(Format::HydratedFourRowTemplate(rows)) => Some(&**rows),
        _ => template.hydrated_template.as_option(),
    };
    text(&[rows.and_then(|rows| rows.hydrated_content_text.as_ref())])
}

fn interactive<'a>(shown: &part::InteractiveMessage) -> Content<'a> {
    let body = shown.body.as_option().and_then(|body| body.text.as_ref());
    let title = shown.header.as_option().and_then(|header| header.title.as_ref());
    text(&[body, title])
}
