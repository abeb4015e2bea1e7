//! `POST /phones/{n}/messages`: every kind of content from JSON.

use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Body, Response, handler};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use waproto::whatsapp as wa;

use super::media::FileToSend;
use super::{LARGEST_FILE_BODY, Refusal, answer, find, invalid, read_up_to, respond};
use crate::content;
use crate::group_chat::is_group;
use crate::phone::Phone;
use crate::simulator::Simulator;

/// Most messages that one request may send.
const MOST_MESSAGES: usize = 100_000;

#[derive(Deserialize)]
struct NewMessages {
    to: String,
    count: Option<usize>,
    #[serde(flatten)]
    content: Map<String, Value>,
}

/// What a message says; `text` when the body does not name a kind.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Content {
    Text {
        text: String,
        quoted: Option<Quoted>,
        #[serde(default)]
        mentions: Vec<String>,
    },
    Image {
        caption: Option<String>,
    },
    File(FileToSend),
    ViewOnce {},
    Location {
        latitude: f64,
        longitude: f64,
        name: Option<String>,
    },
    Contact {
        display_name: String,
        phone_number: String,
    },
    Contacts {
        cards: Vec<Card>,
    },
    Poll {
        name: String,
        options: Vec<String>,
        /// How many of them one person may choose; 0 is any number.
        selectable: Option<u32>,
    },
    Vote {
        message_id: String,
        options: Vec<String>,
    },
    Event {
        name: String,
        starts_at: u64,
    },
    EventAnswer {
        message_id: String,
        response: String,
        #[serde(default)]
        extra_guests: i32,
    },
    Pin {
        message_id: String,
        /// Unpins when it is missing.
        seconds: Option<u32>,
    },
    Keep {
        message_id: String,
        is_kept: bool,
    },
    Forward {
        text: String,
        score: u32,
    },
    Reaction {
        message_id: String,
        emoji: String,
    },
    Edit {
        message_id: String,
        text: String,
    },
    Revoke {
        message_id: String,
    },
    Timer {
        seconds: u32,
    },
}

/// Somebody's card.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Card {
    display_name: String,
    phone_number: String,
}

/// The message that is answered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quoted {
    message_id: String,
    from: String,
    text: String,
}

#[handler]
pub(super) async fn send_messages(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let send = async {
        let phone = find(&sim, &n)?;
        let NewMessages { to, count, mut content } = read_up_to(LARGEST_FILE_BODY, body).await?;
        if !is_group(&to) && sim.find_phone(&to).is_none() {
            return Err(invalid(format!("there is no phone {to} to send to")));
        }
        content.entry("kind").or_insert_with(|| "text".into());
        let content = serde_json::from_value(Value::Object(content)).map_err(|error| invalid(error.to_string()))?;
        let ids = match (count, content) {
            (None, Content::Vote { message_id, options }) => {
                vec![phone.vote(&to, &message_id, &words(&options)).await?]
            }
            (None, Content::EventAnswer { message_id, response, extra_guests }) => {
                vec![phone.answer_event(&to, &message_id, &response, extra_guests).await?]
            }
            (None, content) => vec![phone.send_content(&to, message(&phone, &to, content)?).await?],
            (Some(count @ 1..=MOST_MESSAGES), Content::Text { text, quoted: None, mentions })
                if mentions.is_empty() =>
            {
                phone.send_burst(&to, &text, count).await?
            }
            (Some(1..=MOST_MESSAGES), _) => return Err(invalid("count goes with a plain text only")),
            (Some(_), _) => return Err(invalid(format!("count must be 1 to {MOST_MESSAGES}"))),
        };
        answer(StatusCode::CREATED, json!({ "ids": ids }))
    };
    respond(send.await)
}

fn message(phone: &Phone, to: &str, content: Content) -> Result<wa::Message, Refusal> {
    Ok(match content {
        Content::Text { text, quoted: None, mentions } if mentions.is_empty() => content::text(&text),
        Content::Text { text, quoted, mentions } => {
            let quoted = quoted
                .as_ref()
                .map(|Quoted { message_id, from, text }| (message_id.as_str(), from.as_str(), content::text(text)));
            content::reply(&text, quoted, &words(&mentions))
        }
        Content::Image { caption } => content::image(caption.as_deref()),
        Content::File(file) => phone.file_content(file.into_file()?)?,
        Content::ViewOnce {} => content::view_once(),
        Content::Location { latitude, longitude, name } => content::location(latitude, longitude, name.as_deref()),
        Content::Contact { display_name, phone_number } => content::contact(&display_name, &phone_number),
        Content::Contacts { cards } => {
            let cards: Vec<_> = cards.iter().map(|card| (&*card.display_name, &*card.phone_number)).collect();
            content::contacts(&cards)
        }
        Content::Poll { name, options, selectable: None | Some(1) } => content::poll(&name, &words(&options)),
        Content::Poll { name, options, selectable: Some(count) } => {
            content::poll_for_many(&name, &words(&options), count)
        }
        Content::Vote { .. } | Content::EventAnswer { .. } => return Err(invalid("count goes with a plain text only")),
        Content::Event { name, starts_at } => content::event(&name, starts_at),
        Content::Pin { message_id, seconds } => content::pin(phone.key_of(to, &message_id)?, seconds),
        Content::Keep { message_id, is_kept } => content::keep(phone.key_of(to, &message_id)?, is_kept),
        Content::Forward { text, score } => content::forwarded(&text, score),
        Content::Reaction { message_id, emoji } => content::reaction(phone.key_of(to, &message_id)?, &emoji),
        Content::Edit { message_id, text } => content::edit(phone.key_of(to, &message_id)?, content::text(&text)),
        Content::Revoke { message_id } => content::revoke(phone.key_of(to, &message_id)?),
        Content::Timer { seconds } => content::timer(seconds),
    })
}

fn words(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}
