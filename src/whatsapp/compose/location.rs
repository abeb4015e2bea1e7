//! Places.

use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::LocationMessage;

use crate::whatsapp::compose::parts::{Context, written};

/// A place that is to be sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Location {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Its name.
    pub name: Option<String>,
    /// Its address.
    pub address: Option<String>,
}

/// The protobuf of a place.
pub fn location(place: &Location, context: &Context) -> Vec<u8> {
    let content = LocationMessage { context_info: context.info(), ..fixed(place) };
    written(wa::Message { location_message: MessageField::some(content), ..Default::default() }, context.secret)
}

/// A place, without what it answers.
pub(super) fn fixed(place: &Location) -> LocationMessage {
    let Location { latitude, longitude, name, address } = place;
    LocationMessage {
        degrees_latitude: Some(*latitude),
        degrees_longitude: Some(*longitude),
        name: name.clone(),
        address: address.clone(),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use waproto::codec::message_decode;

    use super::*;
    use crate::whatsapp::compose::parts::SECRET_BYTES;

    #[test]
    fn a_place_says_where_it_is_and_keeps_to_the_timer() {
        let (name, address) = (Some("Harbour".to_owned()), Some("Pier 4".to_owned()));
        let place = Location { latitude: -33.8568, longitude: 151.2153, name, address };
        let context = Context { expiration: Some(86_400), secret: [4; SECRET_BYTES], ..Context::default() };
        let written = location(&place, &context);
        assert_eq!(written, location(&place, &context));
        let read = message_decode(&written).expect("it is a message");
        let sent = &read.location_message;
        assert_eq!((sent.degrees_latitude, sent.degrees_longitude), (Some(-33.8568), Some(151.2153)));
        assert_eq!((sent.name.as_deref(), sent.address.as_deref()), (Some("Harbour"), Some("Pier 4")));
        assert_eq!((sent.context_info.expiration, sent.is_live), (Some(86_400), None));
        assert_eq!(read.message_context_info.message_secret.as_deref(), Some(&[4; SECRET_BYTES][..]));
    }
}
