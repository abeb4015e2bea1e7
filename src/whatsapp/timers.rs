//! Tells news of a chat's timer from what is known. Whoever writes while a timer is on says it with every message, so most of it is
//! no news, and what is no news costs nothing: it is not written.

use entity::timestamp::Timestamp;
use parking_lot::Mutex;

use crate::event::body::EventBody;
use crate::event::body::party::Party;
use crate::whatsapp::reading::recent::Recent;
use crate::whatsapp::report::Report;

/// Chats of one client of which the timer is remembered. What is forgotten is written once more, and no chat without a timer is here.
const CHATS: usize = 1024;

/// The timers that one client has seen.
pub(super) struct Timers(Mutex<Recent<Known>>);

/// What was told last, and when that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    seconds: i32,
    set_at: Timestamp,
}

impl Default for Timers {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(CHATS)))
    }
}

impl Timers {
    /// Names the chat of a report's timer by the person's number, if that is known, and leaves out what is no news.
    pub(super) fn sift(&self, report: &mut Report) {
        let Some(timer) = &mut report.timer else { return };
        if let Some(number) = partner(&report.body).and_then(|partner| partner.phone_number.as_deref()) {
            timer.chat = format!("{number}@s.whatsapp.net");
        }
        // Who sets it through this API is not seen here: what somebody sets is news, also if it was so before.
        let is_set = matches!(report.body, EventBody::DisappearingUpdate(_) | EventBody::GroupUpdate(_));
        let told = Known { seconds: timer.seconds, set_at: timer.set_at };
        let is_news = self.0.lock().is_news(&timer.chat, told);
        if !is_news && !is_set {
            report.timer = None;
        }
    }
}

impl Recent<Known> {
    /// Learns what was told of a chat. Whether it was not known.
    fn is_news(&mut self, chat: &str, told: Known) -> bool {
        let known = self.get(chat).copied();
        if known.is_some_and(|known| told.set_at < known.set_at) {
            return false;
        }
        self.learn(chat, told);
        known.is_none_or(|known| known.seconds != told.seconds)
    }
}

/// The other person of a direct chat.
fn partner(body: &EventBody) -> Option<&Party> {
    match body {
        EventBody::Message(message) => message.partner.as_ref(),
        EventBody::DisappearingUpdate(update) => update.partner.as_ref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_another_timer_is_news_and_nothing_that_is_older() {
        let mut known = Recent::new(2);
        let begun = Timestamp::from_millis(1_767_143_264_000);
        let told = |seconds, after| Known { seconds, set_at: begun.after(Duration::from_secs(after)) };
        let steps = [
            (told(86_400, 10), true),
            (told(86_400, 11), false),
            (told(86_400, 5), false),
            // It was sent before the timer was last seen to be another one.
            (told(0, 10), false),
            (told(0, 11), true),
            (told(604_800, 20), true),
        ];
        for (told, is_news) in steps {
            assert_eq!(known.is_news("a", told), is_news, "{told:?}");
        }
        assert!(known.is_news("b", told(0, 1)), "another chat");
    }
}
