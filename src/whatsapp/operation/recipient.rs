//! Where numbers are reached. Many are asked about in one question, since WhatsApp counts questions.

use std::time::Duration;

use whatsapp_rust::lid_pn_cache::LearningSource;
use whatsapp_rust::usync::{
    UsyncAddressingMode, UsyncContext, UsyncMode, UsyncOutcome, UsyncProtocol, UsyncProtocolKind, UsyncProtocolResult,
    UsyncQuery, UsyncResponse, UsyncSubprotocolError, UsyncUser, UsyncUserResult,
};
use whatsapp_rust::{IqError, Jid};

use crate::account::PhoneNumber;
use crate::error::{Error, ErrorKind, Result};
use crate::whatsapp::client::{Client, OperationKind};
use crate::whatsapp::operation::{RATE_LIMITED, pause, query_error};

/// WhatsApp is given 20 s to say which numbers are on WhatsApp.
const LOOK_UP: OperationKind = OperationKind { name: "look_up_numbers", limit: Duration::from_secs(20) };
/// What is said when WhatsApp did not answer about a number.
const UNANSWERED: &str = "WhatsApp did not say whether the number is on WhatsApp";

/// What WhatsApp says about one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookedUp {
    /// Messages reach it under this JID: that of another number than was asked about where numbers have two spellings.
    At(String),
    /// Nobody on WhatsApp has it.
    Nobody,
    /// It said nothing about it.
    Unanswered,
}

impl Client {
    /// Asks WhatsApp about these numbers, all in one question. Gives the answers in their order. The library keeps the LIDs.
    ///
    /// # Errors
    /// `Upstream`, `UpstreamTimeout`; with a time to wait if WhatsApp was asked too often.
    pub async fn look_up(&self, numbers: &[PhoneNumber]) -> Result<Vec<LookedUp>> {
        let query = question(numbers).map_err(Error::internal)?;
        let asked = self.run(&LOOK_UP, |library| async move {
            let response = library.query_usync(query).await?;
            let pairs = pairs(&response);
            if !pairs.is_empty() {
                let _ = library.add_lid_pn_mappings(pairs, LearningSource::Usync).await; // A failed store ends the client.
            }
            Ok::<_, IqError>(response)
        });
        let response = asked.await?.map_err(|error| query_error(self, error, UNANSWERED))?;
        answers(numbers, &response)
    }
}

fn question(numbers: &[PhoneNumber]) -> Result<UsyncQuery, whatsapp_rust::usync::UsyncValidationError> {
    let protocols = vec![
        UsyncProtocol::Contact { addressing_mode: UsyncAddressingMode::Pn },
        UsyncProtocol::Lid,
        UsyncProtocol::BusinessVerifiedName,
    ];
    let users = numbers.iter().map(|number| UsyncUser::from_phone(number.digits())).collect();
    UsyncQuery::new(UsyncMode::Query, UsyncContext::Interactive, protocols, users)
}

/// The LIDs and numbers that a response shows to be the same people's.
fn pairs(response: &UsyncResponse) -> Vec<(String, String)> {
    let pair = |user: &UsyncUserResult| {
        let id = user.id.as_ref()?;
        if id.is_lid() {
            let number = user.pn_jid.as_ref().filter(|jid| jid.is_pn())?;
            return Some((id.user.to_string(), number.user.to_string()));
        }
        match user.protocol(UsyncProtocolKind::Lid) {
            Some(UsyncProtocolResult::Lid(UsyncOutcome::Value(Some(lid)))) if id.is_pn() && lid.is_lid() => {
                Some((lid.user.to_string(), id.user.to_string()))
            }
            _ => None,
        }
    };
    response.users.iter().filter_map(pair).collect()
}

/// What a response says about each of these numbers. It names each person by the number that WhatsApp has, which may be spelled
/// otherwise; beside that it repeats what was asked about. Its order says nothing.
fn answers(numbers: &[PhoneNumber], response: &UsyncResponse) -> Result<Vec<LookedUp>> {
    let state = response.protocol_state(UsyncProtocolKind::Contact);
    if let Some(error) = state.and_then(|state| state.error.as_ref()) {
        return Err(refusal(error));
    }
    let too_often = response.users.iter().filter_map(contact_error).find(|error| error.code == Some(RATE_LIMITED));
    if let Some(error) = too_often {
        return Err(refusal(error));
    }
    let mut left: Vec<_> = response.users.iter().collect();
    let mut take = |is_it: &dyn Fn(&UsyncUserResult) -> bool| {
        left.iter().position(|user| is_it(user)).map(|place| left.swap_remove(place))
    };
    let mut found: Vec<_> = numbers.iter().map(|number| take(&|user| repeats(user, number))).collect();
    for (number, found) in numbers.iter().zip(&mut found) {
        if found.is_none() {
            *found = take(&|user| is_named(user, number));
        }
    }
    // Of one number and one answer it is clear which belongs to which.
    if let ([found @ None], [user]) = (found.as_mut_slice(), left.as_slice()) {
        *found = Some(*user);
    }
    Ok(found.into_iter().map(|user| user.map_or(LookedUp::Unanswered, looked_up)).collect())
}

fn contact(user: &UsyncUserResult) -> Option<&UsyncOutcome<whatsapp_rust::usync::UsyncContactResult>> {
    match user.protocol(UsyncProtocolKind::Contact) {
        Some(UsyncProtocolResult::Contact(contact)) => Some(contact),
        _ => None,
    }
}

fn contact_error(user: &UsyncUserResult) -> Option<&UsyncSubprotocolError> {
    contact(user).and_then(UsyncOutcome::error)
}

/// Whether an answer repeats this number as what was asked about.
fn repeats(user: &UsyncUserResult, number: &PhoneNumber) -> bool {
    let content = contact(user).and_then(UsyncOutcome::value).and_then(|contact| contact.content.as_deref());
    content.is_some_and(|content| content.trim_start_matches('+') == number.digits())
}

/// Whether an answer is about who has this number.
fn is_named(user: &UsyncUserResult, number: &PhoneNumber) -> bool {
    let is_it = |jid: &Jid| jid.is_pn() && jid.user == number.digits();
    user.id.as_ref().is_some_and(is_it) || user.pn_jid.as_ref().is_some_and(is_it)
}

fn looked_up(user: &UsyncUserResult) -> LookedUp {
    let jid = user.pn_jid.as_ref().or(user.id.as_ref());
    match (contact(user), jid) {
        (Some(UsyncOutcome::Value(contact)), Some(jid)) if contact.contact_type == "in" => {
            LookedUp::At(jid.to_non_ad_string())
        }
        (Some(UsyncOutcome::Value(contact)), _) if contact.contact_type != "in" => LookedUp::Nobody,
        _ => LookedUp::Unanswered,
    }
}

fn refusal(error: &UsyncSubprotocolError) -> Error {
    let code = error.code.map(|code| format!(" (code {code})")).unwrap_or_default();
    let failure = Error::new(ErrorKind::Upstream, format!("{UNANSWERED}{code}"));
    match error.code {
        Some(RATE_LIMITED) => failure.retry_in(pause(error.backoff)),
        _ => failure,
    }
}

#[cfg(test)]
mod tests;
