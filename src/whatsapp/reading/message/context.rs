//! What a message says about its context: what it answers, whom it mentions, how it came here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use whatsapp_rust::waproto::whatsapp as wa;

use crate::event::body::context::{MessageForward, MessageReferral};
use crate::event::body::message::MessageQuote;
use crate::event::body::party::Party;
use crate::whatsapp::reading::message::around::Around;
use crate::whatsapp::reading::message::content::int;
use crate::whatsapp::reading::message::spoken::content;
use crate::whatsapp::reading::party::{JID_BYTES, somebody};

/// People whom a message can mention. A group has 1,024 members at most.
const MENTIONS: usize = 1024;
/// Where status updates are.
const STATUS: &str = "status@broadcast";

/// What a message's context says.
#[derive(Default)]
pub(super) struct Context {
    pub(super) quoted: Option<MessageQuote>,
    pub(super) mentions: Vec<String>,
    pub(super) mentioned: Vec<Party>,
    pub(super) forward: Option<MessageForward>,
    pub(super) referral: Option<MessageReferral>,
}

impl Context {
    pub(super) fn of(context: Option<&wa::ContextInfo>, around: &Around<'_>) -> Self {
        let Some(context) = context else { return Self::default() };
        let mentions = mentions(context);
        Self {
            quoted: quote(context, around),
            mentioned: mentions.iter().filter_map(|jid| somebody(jid)).collect(),
            mentions,
            forward: forward(context),
            referral: referral(context),
        }
    }
}

/// Those whom it mentions, as far as they can be people.
fn mentions(context: &wa::ContextInfo) -> Vec<String> {
    let mentioned = context.mentioned_jid.iter().filter(|jid| jid.len() <= JID_BYTES);
    mentioned.take(MENTIONS).map(ToString::to_string).collect()
}

/// What it answers. Of the message in it only the words are taken, not what that one answers: so this ends.
fn quote(context: &wa::ContextInfo, around: &Around<'_>) -> Option<MessageQuote> {
    let message_id = context.stanza_id.clone()?;
    let quoted = context.quoted_message.as_option().and_then(|quoted| content(quoted, around));
    let chat = context.remote_jid.clone().filter(|chat| !chat.is_empty() && chat.len() <= JID_BYTES);
    Some(MessageQuote {
        message_id,
        participant: context.participant.clone(),
        author: context.participant.as_deref().and_then(somebody),
        is_status: chat.as_deref() == Some(STATUS),
        chat,
        message_type: quoted.as_ref().map(|quoted| quoted.message_type),
        text: quoted.and_then(|quoted| quoted.text.or(quoted.caption)),
    })
}

fn forward(context: &wa::ContextInfo) -> Option<MessageForward> {
    let score = context.forwarding_score.unwrap_or(0);
    (score > 0 || context.is_forwarded == Some(true))
        .then(|| MessageForward { score: int(Some(score)).unwrap_or(i32::MAX) })
}

fn referral(context: &wa::ContextInfo) -> Option<MessageReferral> {
    let ad = context.external_ad_reply.as_option();
    let of_ad =
        |field: fn(&wa::context_info::ExternalAdReplyInfo) -> &Option<String>| ad.and_then(|ad| field(ad).clone());
    let base64 = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| BASE64.encode(bytes));
    let utm = context.utm.as_option();
    let referral = MessageReferral {
        source_type: of_ad(|ad| &ad.source_type),
        source_id: of_ad(|ad| &ad.source_id),
        source_url: of_ad(|ad| &ad.source_url),
        source_app: of_ad(|ad| &ad.source_app),
        title: of_ad(|ad| &ad.title),
        body: of_ad(|ad| &ad.body),
        media_url: of_ad(|ad| &ad.media_url),
        thumbnail_url: of_ad(|ad| &ad.thumbnail_url),
        click_id: of_ad(|ad| &ad.ctwa_clid),
        reference: of_ad(|ad| &ad.r#ref),
        signals: context.ctwa_signals.clone(),
        payload: base64(&context.ctwa_payload),
        conversion_source: context.conversion_source.clone(),
        conversion_data: base64(&context.conversion_data),
        conversion_delay_seconds: int(context.conversion_delay_seconds),
        entry_point_source: context.entry_point_conversion_source.clone(),
        entry_point_app: context.entry_point_conversion_app.clone(),
        entry_point_delay_seconds: int(context.entry_point_conversion_delay_seconds),
        entry_point_external_source: context.entry_point_conversion_external_source.clone(),
        entry_point_external_medium: context.entry_point_conversion_external_medium.clone(),
        utm_source: utm.and_then(|utm| utm.utm_source.clone()),
        utm_campaign: utm.and_then(|utm| utm.utm_campaign.clone()),
    };
    (referral != MessageReferral::default()).then_some(referral)
}
