//! What messages offer: groups, goods, orders, appointments.

use async_graphql::SimpleObject;
use entity::timestamp::Timestamp;
use entity::words::message::{Attendance, AttendanceState};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::event::body::location::MessageLocation;
use crate::event::body::party::Party;

/// An invitation to a group.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageInvite {
    /// JID of the group.
    pub group: String,
    /// What the group is called.
    pub name: Option<String>,
    /// The code with which whoever got the message can join.
    pub code: Option<String>,
    /// Until when it can be used.
    pub expires_at: Option<Timestamp>,
}

/// An order of goods from a catalogue.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
#[graphql(complex)]
pub struct MessageOrder {
    /// Its id.
    pub order_id: Option<String>,
    /// With this, and the id, WhatsApp shows what was ordered.
    pub token: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// How many things were ordered.
    pub item_count: Option<i32>,
    /// Who sells.
    pub seller: Option<Party>,
    /// What they cost together, thousandths of the currency.
    #[graphql(skip)]
    pub total_thousandths: Option<i64>,
    /// The currency, such as `EUR`.
    pub currency: Option<String>,
}

/// A thing from a catalogue.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
#[graphql(complex)]
pub struct MessageProduct {
    /// Its id at WhatsApp.
    pub product_id: Option<String>,
    /// The id that whoever sells it gave it.
    pub retailer_id: Option<String>,
    /// Who sells it.
    pub seller: Option<Party>,
    /// What it is called.
    pub title: Option<String>,
    /// What is said about it.
    pub description: Option<String>,
    /// Where it can be seen.
    pub url: Option<String>,
    /// What it costs, thousandths of the currency.
    #[graphql(skip)]
    pub price_thousandths: Option<i64>,
    /// The currency, such as `EUR`.
    pub currency: Option<String>,
}

/// An appointment that people say yes or no to. Their answers are sealed and not told.
#[derive(Clone, PartialEq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageAppointment {
    /// What it is called.
    pub name: Option<String>,
    /// What is said about it.
    pub description: Option<String>,
    /// When it begins.
    pub starts_at: Option<Timestamp>,
    /// When it ends.
    pub ends_at: Option<Timestamp>,
    /// Whether it was called off.
    pub is_canceled: bool,
    /// Where people meet in a call.
    pub join_link: Option<String>,
    /// Where people meet.
    pub place: Option<MessageLocation>,
}

/// Whether somebody comes to an appointment. It takes the place of what the same person said before.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageAttendance {
    /// Id of the message that made the appointment.
    pub message_id: String,
    /// Who sent that message. Null when that is not told.
    pub creator: Option<Party>,
    /// Whether the answer could be read.
    pub state: AttendanceState,
    /// The answer. Null when it could not be read.
    pub answer: Option<Attendance>,
    /// How many others they bring along. Null when it could not be read.
    pub extra_guests: Option<i32>,
}
