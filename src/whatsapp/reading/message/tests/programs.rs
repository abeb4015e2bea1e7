//! What messages carry for programs: ids, where a chat came from, what a message belongs to.

use entity::timestamp::Timestamp;
use entity::words::message::{AttendanceState, TapKind, VoteState};

use super::*;

fn extended(context: wa::ContextInfo) -> wa::Message {
    let text = part::ExtendedTextMessage {
        text: Some("hello".to_owned()),
        context_info: MessageField::some(context),
        ..Default::default()
    };
    wa::Message { extended_text_message: MessageField::some(text), ..Default::default() }
}

#[test]
fn what_was_tapped_is_known_by_its_id() {
    let body = field(1, b"Two, please");
    let flow = |params: &[u8]| {
        let answer = field(2, &[field(1, b"quick_reply"), field(2, params)].concat());
        decoded(&field(48, &[field(1, &body), answer, field(15, &field(1, b"Q1"))].concat()))
    };
    let row = [field(1, b"Two, please"), field(3, &field(1, b"two")), field(4, &field(1, b"Q1"))].concat();
    let template = [field(1, b"two"), field(2, b"Two, please"), field(3, &field(1, b"Q1")), vec![0x20, 1]].concat();
    for (message, kind, index) in [
        (worded(43, 3, &[(1, "two"), (2, "Two, please")]), TapKind::Button, None),
        (decoded(&field(39, &row)), TapKind::ListRow, None),
        (decoded(&field(29, &template)), TapKind::TemplateButton, Some(1)),
        (flow(br#"{"id":"two"}"#), TapKind::Flow, None),
    ] {
        let event = read(message);
        let tap = event.tap.expect("it is one");
        assert_eq!((tap.kind, tap.id.as_deref(), tap.index), (kind, Some("two"), index));
        assert_eq!((event.message_type, event.text.as_deref()), (MessageType::Text, Some("Two, please")));
        assert_eq!(event.quoted.map(|quoted| quoted.message_id).as_deref(), Some("Q1"));
    }
    for params in [&br#"{"flow_token":"t","count":2}"#[..], b"no JSON", b""] {
        let tap = read(flow(params)).tap.expect("it is one");
        assert_eq!((tap.id, tap.flow.as_deref()), (None, Some("quick_reply")));
        assert_eq!(tap.params_json.as_deref().map(str::as_bytes), Some(params));
    }
    assert!(read(wa::Message { conversation: Some("two".to_owned()), ..Default::default() }).tap.is_none());
}

#[test]
fn a_chat_that_an_ad_began_says_which() {
    let ad = wa::context_info::ExternalAdReplyInfo {
        title: Some("Buns".to_owned()),
        body: Some("Six for five".to_owned()),
        source_type: Some("ad".to_owned()),
        source_id: Some("120200000000000000".to_owned()),
        source_url: Some("https://fb.me/x".to_owned()),
        ctwa_clid: Some("ARAx".to_owned()),
        r#ref: Some("spring".to_owned()),
        ..Default::default()
    };
    let event = read(extended(wa::ContextInfo {
        external_ad_reply: MessageField::some(ad),
        conversion_source: Some("FB_Ads".to_owned()),
        conversion_data: Some(b"data".to_vec()),
        conversion_delay_seconds: Some(12),
        entry_point_conversion_source: Some("ctwa_ad".to_owned()),
        entry_point_conversion_app: Some("instagram".to_owned()),
        entry_point_conversion_delay_seconds: Some(3),
        ctwa_signals: Some("a,b".to_owned()),
        ctwa_payload: Some(vec![1, 2]),
        ..Default::default()
    }));
    let referral = event.referral.expect("it has one");
    let word = |word: &Option<String>| word.clone().unwrap_or_default();
    assert_eq!([&referral.source_type, &referral.source_id].map(word), ["ad", "120200000000000000"]);
    assert_eq!([&referral.title, &referral.body].map(word), ["Buns", "Six for five"]);
    assert_eq!(
        [&referral.click_id, &referral.reference, &referral.source_url].map(word),
        ["ARAx", "spring", "https://fb.me/x"]
    );
    assert_eq!([&referral.conversion_source, &referral.conversion_data].map(word), ["FB_Ads", "ZGF0YQ=="]);
    assert_eq!([&referral.entry_point_source, &referral.entry_point_app].map(word), ["ctwa_ad", "instagram"]);
    assert_eq!([&referral.signals, &referral.payload].map(word), ["a,b", "AQI="]);
    assert_eq!((referral.conversion_delay_seconds, referral.entry_point_delay_seconds), (Some(12), Some(3)));
    assert!(read(extended(wa::ContextInfo::default())).referral.is_none());
}

#[test]
fn an_answer_says_what_it_answers_and_that_it_is_a_status() {
    let image = part::ImageMessage { caption: Some("Our new shop".to_owned()), ..Default::default() };
    let quoted = wa::Message { image_message: MessageField::some(image), ..Default::default() };
    for (chat, is_status) in [(Some("status@broadcast"), true), (Some("120363000000000001@g.us"), false), (None, false)]
    {
        let event = read(extended(wa::ContextInfo {
            stanza_id: Some("Q1".to_owned()),
            participant: Some("15550100001@s.whatsapp.net".to_owned()),
            remote_jid: chat.map(str::to_owned),
            quoted_message: MessageField::some(quoted.clone()),
            ..Default::default()
        }));
        let quoted = event.quoted.expect("it answers");
        assert_eq!((quoted.chat.as_deref(), quoted.is_status), (chat, is_status));
        assert_eq!((quoted.message_type, quoted.text.as_deref()), (Some(MessageType::Image), Some("Our new shop")));
    }
}

#[test]
fn a_forwarded_message_says_how_often_it_was() {
    for (is_forwarded, score, told) in [
        (Some(true), Some(5), Some(5)),
        (Some(true), None, Some(0)),
        (None, Some(1), Some(1)),
        (Some(false), Some(0), None),
    ] {
        let event = read(extended(wa::ContextInfo { is_forwarded, forwarding_score: score, ..Default::default() }));
        assert_eq!(event.forward.map(|forward| forward.score), told);
    }
}

#[test]
fn a_vote_that_nobody_can_open_yet_names_its_poll_and_who_asked() {
    let vote = part::PollUpdateMessage { poll_creation_message_key: key("P1", true), ..Default::default() };
    let message = wa::Message { poll_update_message: MessageField::some(vote), ..Default::default() };
    let info =
        MessageInfo { source: inbound("15550100077@s.whatsapp.net", false).info.source.clone(), ..Default::default() };
    let event = said_in(&message, &info).expect("somebody said it");
    let poll = event.poll.expect("it is one");
    assert_eq!((event.message_type, poll.vote_on.as_deref()), (MessageType::PollVote, Some("P1")));
    assert_eq!(poll.creator.and_then(|creator| creator.phone_number).as_deref(), Some("15550100077"));
    assert_eq!(poll.vote.map(|vote| vote.state), Some(VoteState::PollUnknown));
}

#[test]
fn a_business_has_the_name_that_was_verified() {
    // The certificate: its details, with the name at the fourth place.
    let details = field(1, &field(4, b"Fictitious Buns Ltd"));
    let stanza = NodeBuilder::new("message")
        .attr("from", "15550100077@s.whatsapp.net")
        .attr("id", "M1")
        .attr("t", "1777415965")
        .attr("verified_name", "12345")
        .children([NodeBuilder::new("verified_name").attr("v", "2").bytes(details).build()]);
    let text = wa::Message { conversation: Some("hello".to_owned()), ..Default::default() };
    let event = said_in(&text, &parsed(stanza.build())).expect("somebody said it");
    assert_eq!(event.verified_name.as_deref(), Some("Fictitious Buns Ltd"));
    assert!(read(text).verified_name.is_none());
}

#[test]
fn a_message_that_disappears_says_when() {
    let day = wa::ContextInfo { expiration: Some(86_400), ..Default::default() };
    let event = read(extended(day));
    let disappearing = event.disappearing.expect("it does");
    let at = Timestamp::from_millis(event.timestamp.millis() + 86_400_000);
    assert_eq!((disappearing.seconds, disappearing.disappears_at), (86_400, at));
    let info = MessageInfo { ephemeral_expiration: Some(60), ..Default::default() };
    let event = said_in(&wa::Message { conversation: Some("hello".to_owned()), ..Default::default() }, &info);
    assert_eq!(event.and_then(|event| event.disappearing).map(|it| it.seconds), Some(60));
    for stays in [0, u32::MAX] {
        let context = wa::ContextInfo { expiration: Some(stays), ..Default::default() };
        assert!(read(extended(context)).disappearing.is_none());
    }
}

#[test]
fn what_can_be_seen_once_says_so() {
    let image = |view_once| {
        let image = part::ImageMessage { view_once, ..Default::default() };
        wa::Message { image_message: MessageField::some(image), ..Default::default() }
    };
    assert!(read(image(Some(true))).is_view_once && !read(image(None)).is_view_once);
    for wrapper in [37, 55, 59] {
        // In another wrapper, as phones do it.
        let event = read(decoded(&field(40, &field(1, &field(wrapper, &field(1, &field(3, b"")))))));
        assert_eq!((event.message_type, event.is_view_once), (MessageType::Image, true), "{wrapper}");
    }
}

#[test]
fn an_album_is_a_header_and_what_belongs_to_it() {
    let album =
        part::AlbumMessage { expected_image_count: Some(2), expected_video_count: Some(1), context_info: context() };
    let info = MessageInfo { id: "A1".to_owned(), ..Default::default() };
    let header = said_in(&wa::Message { album_message: MessageField::some(album), ..Default::default() }, &info);
    let header = header.expect("somebody said it");
    assert!(header.message_type == MessageType::Album && header.unknown.is_none());
    let album = header.album.expect("it begins one");
    assert_eq!((album.message_id.as_str(), album.image_count, album.video_count), ("A1", Some(2), Some(1)));
    // A picture: what it belongs to stands beside it, of the kind 1 (album) and no other.
    for (kind, of) in [(1, Some("A1")), (5, None)] {
        let association = [vec![0x08, kind], field(2, &field(3, b"A1"))].concat();
        let picture = read(decoded(&[field(3, b""), field(35, &field(10, &association))].concat()));
        assert_eq!(picture.album.map(|album| album.message_id).as_deref(), of);
    }
}

#[test]
fn a_pin_and_a_comment_name_the_message() {
    for (kind, is_pinned) in [(1, true), (2, false)] {
        let target = field(1, &[field(3, b"M1"), field(4, b"15550100078@s.whatsapp.net")].concat());
        let event = read(decoded(&field(63, &[target, vec![0x10, kind]].concat())));
        let pin = event.pin.expect("it is one");
        assert_eq!((event.message_type, pin.message_id.as_str(), pin.is_pinned), (MessageType::Pin, "M1", is_pinned));
        assert_eq!(pin.author.and_then(|author| author.phone_number).as_deref(), Some("15550100078"));
    }
    let comment = field(77, &[field(1, &field(1, b"Six buns")), field(2, &field(3, b"M1"))].concat());
    let event = read(decoded(&comment));
    assert_eq!(
        (event.text.as_deref(), event.comment.map(|it| it.message_id).as_deref()),
        (Some("Six buns"), Some("M1"))
    );
    // The library opens a sealed one, and says beside it what it is about.
    let target = wa::MessageKey { id: Some("M1".to_owned()), ..Default::default() };
    let info = MessageInfo { comment_target: Some(target), ..Default::default() };
    let event = said_in(&wa::Message { conversation: Some("Six buns".to_owned()), ..Default::default() }, &info);
    assert_eq!(event.and_then(|event| event.comment).map(|it| it.message_id).as_deref(), Some("M1"));
}

#[test]
fn who_lets_messages_of_a_chat_disappear_is_told() {
    for seconds in [86_400, 0] {
        let setting = part::ProtocolMessage {
            r#type: Some(ProtocolType::EPHEMERAL_SETTING),
            ephemeral_expiration: Some(seconds),
            ..Default::default()
        };
        let message = wa::Message { protocol_message: MessageField::some(setting), ..Default::default() };
        let info = (*inbound("15550100077@s.whatsapp.net", false).info).clone();
        let report = report(&message, &info).expect("it is news");
        let EventBody::DisappearingUpdate(update) = report.body else { panic!("it is a setting") };
        assert_eq!((i64::from(update.seconds), update.is_default), (i64::from(seconds), false));
        for party in [update.author, update.partner] {
            assert_eq!(party.and_then(|party| party.phone_number).as_deref(), Some("15550100077"));
        }
        // It comes again like a message.
        assert_eq!(report.message.map(|key| key.message_id).as_deref(), Some("M1"));
    }
}

#[test]
fn the_file_of_a_message_is_kept_beside_it_and_not_in_it() {
    let image = part::ImageMessage {
        url: Some("https://media.invalid/secret-path".to_owned()),
        direct_path: Some("/v/secret-path".to_owned()),
        media_key: Some(vec![7; 32]),
        file_sha256: Some(vec![8; 32]),
        file_enc_sha256: Some(vec![9; 32]),
        file_length: Some(5),
        mimetype: Some("image/jpeg".to_owned()),
        ..Default::default()
    };
    let message = wa::Message { image_message: MessageField::some(image), ..Default::default() };
    let wrapper = part::FutureProofMessage { message: MessageField::some(message.clone()) };
    let wrapped = wa::Message { ephemeral_message: MessageField::some(wrapper), ..Default::default() };
    let edited = protocol(ProtocolType::MESSAGE_EDIT, Some(message.clone()));
    for message in [message, wrapped, edited] {
        let report = report(&message, &MessageInfo::default()).expect("somebody said it");
        let file = report.file.clone().expect("it has one");
        assert_eq!((file.direct_path.as_str(), file.media_key), ("/v/secret-path", Some(vec![7; 32])));
        assert_eq!((file.file_sha256, file.file_enc_sha256), (Some(vec![8; 32]), Some(vec![9; 32])));
        assert_eq!((file.file_length, file.mimetype.as_deref()), (Some(5), Some("image/jpeg")));
        let told = serde_json::to_string(&report.body).expect("it can be written");
        let shown = format!("{report:?}");
        for secret in ["secret-path", "0707", "0909", "[7, 7", "[9, 9", "BwcH", "CQkJ"] {
            assert!(!told.contains(secret) && !shown.contains(secret), "{secret}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_fetched_is_not_kept() {
    let of = |path: Option<&str>, key: usize| {
        let image = part::ImageMessage {
            direct_path: path.map(str::to_owned),
            media_key: Some(vec![7; key]),
            mimetype: Some("a\0b".to_owned()),
            ..Default::default()
        };
        let message = wa::Message { image_message: MessageField::some(image), ..Default::default() };
        report(&message, &MessageInfo::default()).and_then(|report| report.file)
    };
    for path in [None, Some(""), Some("/v/a\0b")] {
        assert!(of(path, 32).is_none(), "{path:?}");
    }
    assert!(of(Some(&"x".repeat(5_000)), 32).is_none());
    let file = of(Some("/v/x"), 5_000).expect("it has a path");
    assert_eq!((file.media_key, file.mimetype), (None, None));
}

#[test]
fn goods_groups_and_appointments_say_their_words() {
    for (message, kind) in [
        (worded(38, 17, &[(6, "Six buns"), (7, "An order")]), MessageType::Order),
        (decoded(&field(30, &field(1, &field(3, b"Six buns")))), MessageType::Product),
        (worded(30, 17, &[(5, "Six buns")]), MessageType::Product),
        (worded(28, 7, &[(4, "Six buns")]), MessageType::GroupInvite),
        (worded(28, 7, &[(4, "Tea"), (6, "Six buns")]), MessageType::GroupInvite),
        (worded(75, 1, &[(3, "Six buns")]), MessageType::Appointment),
        (worded(122, 1, &[(3, "Six buns")]), MessageType::Appointment),
    ] {
        let event = read(message);
        assert_eq!((event.message_type, event.text.as_deref()), (kind, Some("Six buns")));
    }
}

#[test]
fn an_invitation_says_where_to_and_until_when() {
    for (expiration, until) in
        [(Some(1_767_143_264), Some(1_767_143_264_000)), (Some(i64::MAX), None), (Some(-1), None), (None, None)]
    {
        let invite = part::GroupInviteMessage {
            group_jid: Some("120363000000000001@g.us".to_owned()),
            group_name: Some("Tea".to_owned()),
            invite_code: Some("AbCd".to_owned()),
            invite_expiration: expiration,
            ..Default::default()
        };
        let event = read(wa::Message { group_invite_message: MessageField::some(invite), ..Default::default() });
        let invite = event.invite.expect("it is one");
        assert_eq!((invite.group.as_str(), invite.code.as_deref()), ("120363000000000001@g.us", Some("AbCd")));
        assert_eq!(invite.expires_at.map(Timestamp::millis), until);
    }
}

#[test]
fn goods_have_ids_prices_and_somebody_who_sells_them() {
    let seller = Some("15550100077@s.whatsapp.net".to_owned());
    let order = part::OrderMessage {
        order_id: Some("O1".to_owned()),
        token: Some("T1".to_owned()),
        item_count: Some(6),
        seller_jid: seller.clone(),
        total_amount1000: Some(5_000),
        total_currency_code: Some("EUR".to_owned()),
        ..Default::default()
    };
    let event = read(wa::Message { order_message: MessageField::some(order), ..Default::default() });
    let order = event.order.expect("it is one");
    assert_eq!(
        (order.order_id.as_deref(), order.token.as_deref(), order.item_count),
        (Some("O1"), Some("T1"), Some(6))
    );
    assert_eq!((order.total_thousandths, order.currency.as_deref()), (Some(5_000), Some("EUR")));
    let bun = part::product_message::ProductSnapshot {
        product_id: Some("P1".to_owned()),
        retailer_id: Some("bun".to_owned()),
        price_amount1000: Some(800),
        ..Default::default()
    };
    let shown =
        part::ProductMessage { product: MessageField::some(bun), business_owner_jid: seller, ..Default::default() };
    let event = read(wa::Message { product_message: MessageField::some(shown), ..Default::default() });
    let product = event.product.expect("it is one");
    assert_eq!((product.product_id.as_deref(), product.retailer_id.as_deref()), (Some("P1"), Some("bun")));
    assert_eq!(product.price_thousandths, Some(800));
    for seller in [order.seller, product.seller] {
        assert_eq!(seller.and_then(|seller| seller.phone_number).as_deref(), Some("15550100077"));
    }
}

#[test]
fn an_appointment_says_when_and_where() {
    let place =
        part::LocationMessage { degrees_latitude: Some(1.5), degrees_longitude: Some(-2.5), ..Default::default() };
    let event = part::EventMessage {
        name: Some("Tea".to_owned()),
        start_time: Some(1_767_143_264),
        is_canceled: Some(true),
        join_link: Some("https://call.invalid/x".to_owned()),
        location: MessageField::some(place),
        ..Default::default()
    };
    let event = read(wa::Message { event_message: MessageField::some(event), ..Default::default() });
    let appointment = event.appointment.expect("it is one");
    assert_eq!(
        (appointment.starts_at.map(Timestamp::millis), appointment.is_canceled),
        (Some(1_767_143_264_000), true)
    );
    assert_eq!(appointment.place.map(|place| place.latitude), Some(1.5));
}

#[test]
fn a_comment_is_a_text() {
    let comment = read(decoded(&field(77, &field(1, &field(1, b"Six buns")))));
    assert_eq!((comment.message_type, comment.text.as_deref()), (MessageType::Text, Some("Six buns")));
}

#[test]
fn a_message_that_is_kept_and_an_answer_to_an_appointment_say_what_they_are_about() {
    for (keep_type, is_kept) in [(wa::KeepType::KEEP_FOR_ALL, true), (wa::KeepType::UNDO_KEEP_FOR_ALL, false)] {
        let kept = part::KeepInChatMessage { key: key("M1", false), keep_type: Some(keep_type), timestamp_ms: Some(1) };
        let event = read(wa::Message { keep_in_chat_message: MessageField::some(kept), ..Default::default() });
        assert_eq!(event.message_type, MessageType::Keep);
        let keep = event.keep.expect("it is one");
        assert_eq!((keep.message_id.as_str(), keep.is_kept), ("M1", is_kept));
    }
    let answer = part::EncEventResponseMessage {
        event_creation_message_key: key("E1", false),
        enc_payload: Some(vec![1]),
        enc_iv: Some(vec![2]),
    };
    let answer = wa::Message { enc_event_response_message: MessageField::some(answer), ..Default::default() };
    let sealed = report(&answer, &MessageInfo::default()).expect("somebody said it").poll;
    assert!(matches!(sealed, Some(crate::whatsapp::report::PollSeal::Attendance(_))));
    let event = read(answer);
    assert_eq!(event.message_type, MessageType::Attendance);
    let attendance = event.attendance.expect("it is one");
    assert_eq!((attendance.message_id.as_str(), attendance.answer), ("E1", None));
    assert_eq!(attendance.state, AttendanceState::AppointmentUnknown);
}
