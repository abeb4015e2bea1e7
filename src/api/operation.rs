//! The table of operations: what each is called through both doors, what a key needs for it, and what can go wrong with it.
//!
//! The services keep these scopes and fail in these ways; here it is only said, once. The document's failures and the second
//! names of what is also below a session come from here, and the tests walk it: that both doors offer the same, and that no key
//! can do what it has no scope for. An operation that clients of the contract know by another path has its aliases in its row.

mod alias;

use entity::words::access::Scope;

use crate::api::operation::alias::{Alias, RestName, alias};
use crate::error::ErrorKind;

/// One operation, as both doors have it.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Its `operationId` in REST. None for what only the graph has.
    pub rest: Option<&'static str>,
    /// Its `operationId` below `/sessions/{session_id}`, if it is there as well.
    pub below_session: Option<&'static str>,
    /// Its field in the graph. None for what only REST has: bytes.
    pub field: Option<Field>,
    /// What a key needs for it. None: any key will do.
    pub scope: Option<Scope>,
    /// What a key needs beside it: who lets a receiver read must be able to read as well.
    pub second_scope: Option<Scope>,
    /// What can go wrong with this operation in particular; what can go wrong with each is not said here.
    pub failures: &'static [ErrorKind],
    /// The same under other paths of REST, for clients that were written for the contract. The graph has none of them.
    pub aliases: &'static [Alias],
}

/// A field of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    /// The type that has it: `Query`, `Mutation`, `Subscription`, or one that these lead to.
    pub parent: &'static str,
    /// Its name.
    pub name: &'static str,
}

impl Operation {
    const fn also_below_session(self, name: &'static str) -> Self {
        Self { below_session: Some(name), ..self }
    }

    const fn and_needs(self, scope: Scope) -> Self {
        Self { second_scope: Some(scope), ..self }
    }

    const fn known_as(self, aliases: &'static [Alias]) -> Self {
        Self { aliases, ..self }
    }

    /// All its names in REST: its own, if it has one, and its aliases.
    pub fn rest_names(&self) -> impl Iterator<Item = RestName> {
        let Self { rest, below_session, failures, aliases, .. } = *self;
        let own = rest.map(|rest| RestName { rest, below_session, failures, is_alias: false });
        own.into_iter().chain(aliases.iter().map(move |alias| alias.name(failures)))
    }
}

/// An operation that REST and the graph have.
const fn both(
    rest: &'static str,
    (parent, name): (&'static str, &'static str),
    scope: Scope,
    failures: &'static [ErrorKind],
) -> Operation {
    Operation {
        rest: Some(rest),
        below_session: None,
        field: Some(Field { parent, name }),
        scope: Some(scope),
        second_scope: None,
        failures,
        aliases: &[],
    }
}

/// An operation that only REST has: bytes go in or out.
const fn rest_only(rest: &'static str, scope: Scope, failures: &'static [ErrorKind]) -> Operation {
    Operation {
        rest: Some(rest),
        below_session: None,
        field: None,
        scope: Some(scope),
        second_scope: None,
        failures,
        aliases: &[],
    }
}

/// An operation that only the graph has.
const fn graph_only(parent: &'static str, name: &'static str, scope: Option<Scope>) -> Operation {
    let field = Some(Field { parent, name });
    Operation { rest: None, below_session: None, field, scope, second_scope: None, failures: &[], aliases: &[] }
}

const QUERY: &str = "Query";
const MUTATION: &str = "Mutation";
const SUBSCRIPTION: &str = "Subscription";

/// Every operation.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    [SESSIONS, PAIRING_LINKS, MESSAGES, MEDIA, CHATS, EVENTS, WEBHOOKS, DELIVERIES, KEYS, GRAPH].into_iter().flatten()
}

/// The name below a session of the operation that has this name elsewhere.
pub(super) fn below_session(rest: &str) -> Option<&'static str> {
    all().flat_map(Operation::rest_names).find(|name| name.rest == rest)?.below_session
}

const SESSIONS: &[Operation] = {
    use ErrorKind::{
        AlreadyLoggedIn, DeviceNotLinked, Invalid, PageSizeLimit, PairCodeOutstanding, QrNotAvailable, SessionExists,
        SessionNotFound, TooManyPairCodes, Unavailable, Upstream, UpstreamTimeout,
    };
    use Scope::{SessionsPair, SessionsRead, SessionsWrite};
    const PAIRING: &[ErrorKind] = &[
        SessionNotFound,
        AlreadyLoggedIn,
        PairCodeOutstanding,
        TooManyPairCodes,
        Invalid,
        Upstream,
        Unavailable,
        UpstreamTimeout,
    ];
    const TIMELINE: &[ErrorKind] = &[SessionNotFound, Invalid, PageSizeLimit, Unavailable];
    const COMMAND: &[ErrorKind] = &[SessionNotFound, Unavailable, UpstreamTimeout];
    &[
        both("listSessions", (QUERY, "sessions"), SessionsRead, &[Invalid, PageSizeLimit, Unavailable])
            .known_as(&[alias("searchSessions")]),
        both("createSession", (MUTATION, "createSession"), SessionsWrite, &[SessionExists, Invalid, Unavailable]),
        both("getSession", (QUERY, "session"), SessionsRead, &[SessionNotFound, Unavailable]),
        both("updateSession", (MUTATION, "updateSession"), SessionsWrite, &[SessionNotFound, Invalid, Unavailable]),
        both("getSessionStatus", ("Session", "status"), SessionsRead, &[SessionNotFound]),
        both("getSessionQr", ("Session", "qr"), SessionsPair, &[SessionNotFound, QrNotAvailable, Invalid]),
        both("getSessionTimeline", (QUERY, "sessionTimeline"), SessionsRead, TIMELINE),
        both("getSessionDevice", ("Session", "device"), SessionsRead, &[SessionNotFound, DeviceNotLinked]),
        both("followSession", (SUBSCRIPTION, "sessionUpdated"), SessionsRead, &[SessionNotFound]),
        both("pairSession", (MUTATION, "pairSession"), SessionsPair, PAIRING),
        both("disconnectSession", (MUTATION, "disconnectSession"), SessionsWrite, COMMAND),
        both("connectSession", (MUTATION, "connectSession"), SessionsWrite, COMMAND),
        both("logoutSession", (MUTATION, "logoutSession"), SessionsWrite, COMMAND),
        both("deleteSession", (MUTATION, "deleteSession"), SessionsWrite, COMMAND),
    ]
};

const PAIRING_LINKS: &[Operation] = {
    use ErrorKind::{
        AlreadyLoggedIn, Invalid, PairingLinkNotFound, PublicUrlUnknown, SessionNotFound, TooManyPairingLinks,
        Unavailable,
    };
    use Scope::SessionsPair;
    const CREATING: &[ErrorKind] =
        &[SessionNotFound, AlreadyLoggedIn, PublicUrlUnknown, TooManyPairingLinks, Invalid, Unavailable];
    const ONE: &[ErrorKind] = &[SessionNotFound, PairingLinkNotFound, Unavailable];
    &[
        both("createPairingLink", (MUTATION, "createPairingLink"), SessionsPair, CREATING),
        both("listPairingLinks", (QUERY, "pairingLinks"), SessionsPair, &[SessionNotFound, Unavailable]),
        both("deletePairingLink", (MUTATION, "deletePairingLink"), SessionsPair, ONE),
    ]
};

const MESSAGES: &[Operation] = {
    use ErrorKind::{
        AccountRestricted, GroupAdminsOnly, GroupNotFound, IdempotencyKeyReused, Invalid, InvalidMessage,
        InvalidRecipient, MediaFetchRefused, MediaGone, MediaNotFound, MediaTooLarge, MediaUnsupported,
        MessageNotFailed, MessageNotFound, MessageNotWaiting, MessageTooOld, NewChatLimit, NotAllowed, NotInGroup,
        NotYours, PageSizeLimit, QueueFull, RecipientNotFound, RecipientNotOnWhatsapp, RecipientUnreachable, Rejected,
        SessionNotConnected, SessionNotFound, Unavailable, Upstream, UpstreamTimeout,
    };
    use Scope::{MessagesRead, MessagesSend};
    const SENDING: &[ErrorKind] = &[
        SessionNotFound,
        SessionNotConnected,
        MessageNotFound,
        Invalid,
        InvalidRecipient,
        RecipientNotOnWhatsapp,
        RecipientNotFound,
        RecipientUnreachable,
        GroupNotFound,
        NotInGroup,
        GroupAdminsOnly,
        IdempotencyKeyReused,
        QueueFull,
        AccountRestricted,
        NewChatLimit,
        InvalidMessage,
        NotAllowed,
        Rejected,
        Unavailable,
    ];
    // A message that may have a file.
    const SENDING_FILES: &[ErrorKind] = &[
        SessionNotFound,
        SessionNotConnected,
        MessageNotFound,
        Invalid,
        InvalidRecipient,
        RecipientNotOnWhatsapp,
        RecipientNotFound,
        RecipientUnreachable,
        IdempotencyKeyReused,
        QueueFull,
        AccountRestricted,
        NewChatLimit,
        MediaNotFound,
        MediaTooLarge,
        MediaUnsupported,
        MediaFetchRefused,
        MediaGone,
        InvalidMessage,
        NotAllowed,
        Rejected,
        Unavailable,
    ];
    // A file with an old link is fetched and uploaded again.
    const FORWARDING: &[ErrorKind] = &[
        SessionNotFound,
        SessionNotConnected,
        MessageNotFound,
        Invalid,
        InvalidRecipient,
        RecipientNotOnWhatsapp,
        RecipientNotFound,
        RecipientUnreachable,
        GroupNotFound,
        NotInGroup,
        GroupAdminsOnly,
        IdempotencyKeyReused,
        QueueFull,
        AccountRestricted,
        NewChatLimit,
        MediaGone,
        InvalidMessage,
        NotAllowed,
        Rejected,
        Upstream,
        UpstreamTimeout,
        Unavailable,
    ];
    const CHANGING: &[ErrorKind] = &[
        SessionNotFound,
        SessionNotConnected,
        MessageNotFound,
        MessageTooOld,
        NotYours,
        Invalid,
        InvalidRecipient,
        RecipientNotOnWhatsapp,
        RecipientNotFound,
        RecipientUnreachable,
        GroupNotFound,
        NotInGroup,
        GroupAdminsOnly,
        IdempotencyKeyReused,
        QueueFull,
        AccountRestricted,
        NewChatLimit,
        InvalidMessage,
        NotAllowed,
        Rejected,
        Unavailable,
    ];
    const LISTING: &[ErrorKind] = &[SessionNotFound, Invalid, InvalidRecipient, PageSizeLimit, Unavailable];
    const MEDIA: &[ErrorKind] = &[
        SessionNotFound,
        SessionNotConnected,
        MessageNotFound,
        MediaNotFound,
        MediaGone,
        Upstream,
        UpstreamTimeout,
        Unavailable,
    ];
    const RECEIPTS: &[ErrorKind] = &[SessionNotFound, MessageNotFound, Invalid, PageSizeLimit, Unavailable];
    const VOTES: &[ErrorKind] = &[SessionNotFound, MessageNotFound, Invalid, Unavailable];
    &[
        both("sendMessage", (MUTATION, "sendMessage"), MessagesSend, SENDING_FILES).known_as(&[
            alias("sendText").failing(SENDING),
            alias("sendImage"),
            alias("sendVideo"),
            alias("sendAudio"),
            alias("sendDocument"),
            alias("sendSticker"),
            alias("sendLocation").failing(SENDING),
            alias("sendContact").failing(SENDING),
            alias("sendPoll").failing(SENDING),
        ]),
        both("reactToMessage", (MUTATION, "reactToMessage"), MessagesSend, SENDING).known_as(&[alias("sendReaction")]),
        both("removeReaction", (MUTATION, "removeReaction"), MessagesSend, SENDING),
        both("editMessage", (MUTATION, "editMessage"), MessagesSend, CHANGING).known_as(&[alias("sendEdit")]),
        both("revokeMessage", (MUTATION, "revokeMessage"), MessagesSend, CHANGING).known_as(&[alias("sendRevoke")]),
        both("vote", (MUTATION, "vote"), MessagesSend, SENDING).known_as(&[alias("sendVote")]),
        both("setAttendance", (MUTATION, "setAttendance"), MessagesSend, SENDING),
        both("listVotes", (QUERY, "messageVotes"), MessagesRead, VOTES),
        both("forwardMessage", (MUTATION, "forwardMessage"), MessagesSend, FORWARDING)
            .and_needs(MessagesRead)
            .known_as(&[alias("sendForward")]),
        both("pinMessage", (MUTATION, "pinMessage"), MessagesSend, SENDING).known_as(&[alias("sendPin")]),
        both("unpinMessage", (MUTATION, "unpinMessage"), MessagesSend, SENDING),
        both("keepMessage", (MUTATION, "keepMessage"), MessagesSend, SENDING),
        both("unkeepMessage", (MUTATION, "unkeepMessage"), MessagesSend, SENDING),
        both("listMessages", (QUERY, "messages"), MessagesRead, LISTING),
        both("getLimits", (QUERY, "limits"), MessagesRead, &[SessionNotFound, Unavailable]),
        both("getMessage", (QUERY, "message"), MessagesRead, &[SessionNotFound, MessageNotFound, Unavailable]),
        both("getMessageMedia", (QUERY, "messageMedia"), MessagesRead, MEDIA),
        both("listMessageReceipts", (QUERY, "messageReceipts"), MessagesRead, RECEIPTS),
        both(
            "cancelMessage",
            (MUTATION, "cancelMessage"),
            MessagesSend,
            &[SessionNotFound, MessageNotFound, MessageNotWaiting, Unavailable],
        ),
        both(
            "retryMessage",
            (MUTATION, "retryMessage"),
            MessagesSend,
            &[SessionNotFound, MessageNotFound, MessageNotFailed, MessageTooOld, QueueFull, Unavailable],
        ),
    ]
};

const MEDIA: &[Operation] = {
    use ErrorKind::{Invalid, MediaNotFound, MediaTooLarge, QueueFull, Unavailable};
    use Scope::MessagesSend;
    const ONE: &[ErrorKind] = &[MediaNotFound, Unavailable];
    &[
        rest_only("uploadMedia", MessagesSend, &[Invalid, MediaTooLarge, QueueFull, Unavailable]),
        both("getMedia", (QUERY, "media"), MessagesSend, ONE),
        both("deleteMedia", (MUTATION, "deleteMedia"), MessagesSend, ONE),
    ]
};

const CHATS: &[Operation] = {
    use ErrorKind::{
        AccountRestricted, ChatNotFound, GroupAdminsOnly, GroupNotFound, IdempotencyKeyReused, Invalid, InvalidMessage,
        InvalidRecipient, MessageNotFound, NewChatLimit, NotAllowed, NotInGroup, QueueFull, RecipientNotFound,
        RecipientNotOnWhatsapp, RecipientUnreachable, Rejected, SessionNotConnected, SessionNotFound, Unavailable,
        Upstream, UpstreamTimeout,
    };
    use Scope::{ChatsWrite, ProfileWrite};
    const STARRING: &[ErrorKind] = &[
        SessionNotFound,
        SessionNotConnected,
        MessageNotFound,
        Invalid,
        InvalidRecipient,
        Upstream,
        Unavailable,
        UpstreamTimeout,
    ];
    const TIMER: &[ErrorKind] = &[
        SessionNotFound,
        SessionNotConnected,
        ChatNotFound,
        GroupNotFound,
        NotInGroup,
        GroupAdminsOnly,
        Invalid,
        InvalidRecipient,
        RecipientNotOnWhatsapp,
        RecipientNotFound,
        RecipientUnreachable,
        IdempotencyKeyReused,
        QueueFull,
        AccountRestricted,
        NewChatLimit,
        InvalidMessage,
        NotAllowed,
        Rejected,
        Upstream,
        Unavailable,
        UpstreamTimeout,
    ];
    const READING: &[ErrorKind] = &[
        SessionNotFound,
        SessionNotConnected,
        ChatNotFound,
        MessageNotFound,
        Invalid,
        Upstream,
        Unavailable,
        UpstreamTimeout,
    ];
    const TYPING: &[ErrorKind] =
        &[SessionNotFound, SessionNotConnected, ChatNotFound, Invalid, Upstream, UpstreamTimeout];
    const PRESENCE: &[ErrorKind] = &[SessionNotFound, SessionNotConnected, Invalid, Upstream, UpstreamTimeout];
    &[
        both("markMessagesRead", (MUTATION, "markMessagesRead"), ChatsWrite, READING)
            .known_as(&[alias("sendReadMarks")]),
        both("sendTyping", (MUTATION, "sendTyping"), ChatsWrite, TYPING).known_as(&[alias("sendChatState")]),
        both("starMessage", (MUTATION, "starMessage"), ChatsWrite, STARRING),
        both("unstarMessage", (MUTATION, "unstarMessage"), ChatsWrite, STARRING),
        both("setChatTimer", (MUTATION, "setChatTimer"), ChatsWrite, TIMER),
        both("setDefaultTimer", (MUTATION, "setDefaultTimer"), ProfileWrite, PRESENCE),
        both("setPresence", (MUTATION, "setPresence"), ProfileWrite, PRESENCE).known_as(&[alias("sendPresence")]),
    ]
};

const EVENTS: &[Operation] = {
    use ErrorKind::{CursorExpired, Invalid, PageSizeLimit, Unavailable};
    use Scope::MessagesRead;
    &[
        both("listEvents", (QUERY, "events"), MessagesRead, &[CursorExpired, Invalid, PageSizeLimit, Unavailable])
            .also_below_session("listSessionEvents"),
        both("followEvents", (SUBSCRIPTION, "events"), MessagesRead, &[CursorExpired, Invalid, Unavailable]),
    ]
};

const WEBHOOKS: &[Operation] = {
    use ErrorKind::{CursorExpired, Invalid, PageSizeLimit, Unavailable, WebhookNotFound};
    use Scope::{MessagesRead, WebhooksRead, WebhooksWrite};
    const ONE: &[ErrorKind] = &[WebhookNotFound, Unavailable];
    const CHANGING: &[ErrorKind] = &[WebhookNotFound, Invalid, Unavailable];
    const REPLAYING: &[ErrorKind] = &[WebhookNotFound, CursorExpired, Invalid, Unavailable];
    &[
        both("createWebhook", (MUTATION, "createWebhook"), WebhooksWrite, &[Invalid, Unavailable])
            .and_needs(MessagesRead)
            .also_below_session("createSessionWebhook"),
        both("listWebhooks", (QUERY, "webhooks"), WebhooksRead, &[Invalid, PageSizeLimit, Unavailable])
            .also_below_session("listSessionWebhooks"),
        both("getWebhook", (QUERY, "webhook"), WebhooksRead, ONE).also_below_session("getSessionWebhook"),
        both("updateWebhook", (MUTATION, "updateWebhook"), WebhooksWrite, CHANGING)
            .also_below_session("updateSessionWebhook"),
        both("pingWebhook", (MUTATION, "pingWebhook"), WebhooksWrite, ONE).also_below_session("pingSessionWebhook"),
        both("rotateWebhookSecret", (MUTATION, "rotateWebhookSecret"), WebhooksWrite, CHANGING)
            .also_below_session("rotateSessionWebhookSecret"),
        both("enableWebhook", (MUTATION, "enableWebhook"), WebhooksWrite, CHANGING)
            .also_below_session("enableSessionWebhook"),
        both("replayWebhook", (MUTATION, "replayWebhook"), WebhooksWrite, REPLAYING)
            .and_needs(MessagesRead)
            .also_below_session("replaySessionWebhook"),
        both("deleteWebhook", (MUTATION, "deleteWebhook"), WebhooksWrite, ONE)
            .also_below_session("deleteSessionWebhook"),
    ]
};

const DELIVERIES: &[Operation] = {
    use ErrorKind::{DeliveryNotFound, Invalid, PageSizeLimit, Unavailable, WebhookNotFound};
    use Scope::{WebhooksRead, WebhooksWrite};
    const LISTING: &[ErrorKind] = &[WebhookNotFound, Invalid, PageSizeLimit, Unavailable];
    const ONE: &[ErrorKind] = &[WebhookNotFound, DeliveryNotFound, Unavailable];
    // Those of all webhooks together: none is named.
    const DEAD: &[ErrorKind] = &[Invalid, PageSizeLimit, Unavailable];
    const DEAD_ONE: &[ErrorKind] = &[DeliveryNotFound, Unavailable];
    &[
        both("listWebhookDeliveries", (QUERY, "webhookDeliveries"), WebhooksRead, LISTING)
            .also_below_session("listSessionWebhookDeliveries")
            .known_as(&[alias("listDeadLetters").also_below_session("listSessionDeadLetters").failing(DEAD)]),
        both("retryWebhookDelivery", (MUTATION, "retryWebhookDelivery"), WebhooksWrite, ONE)
            .also_below_session("retrySessionWebhookDelivery")
            .known_as(&[alias("replayDeadLetter").also_below_session("replaySessionDeadLetter").failing(DEAD_ONE)]),
        both("discardWebhookDelivery", (MUTATION, "discardWebhookDelivery"), WebhooksWrite, ONE)
            .also_below_session("discardSessionWebhookDelivery"),
    ]
};

const KEYS: &[Operation] = {
    use ErrorKind::{Invalid, KeyNotFound, PageSizeLimit, TooManyTickets, Unavailable};
    use Scope::KeysAdmin;
    const TICKET: Operation =
        both("createStreamTicket", (MUTATION, "createStreamTicket"), KeysAdmin, &[TooManyTickets]);
    &[
        both("createKey", (MUTATION, "createKey"), KeysAdmin, &[Invalid, Unavailable]),
        both("listKeys", (QUERY, "keys"), KeysAdmin, &[Invalid, PageSizeLimit]),
        both("rotateKey", (MUTATION, "rotateKey"), KeysAdmin, &[KeyNotFound, Invalid, Unavailable]),
        both("deleteKey", (MUTATION, "deleteKey"), KeysAdmin, &[KeyNotFound, Unavailable]),
        // A ticket is the caller once more, whoever that is.
        Operation { scope: None, ..TICKET },
    ]
};

const GRAPH: &[Operation] = &[
    graph_only(SUBSCRIPTION, "sessionsUpdated", Some(Scope::SessionsRead)),
    // In REST it is `followEvents` with a type.
    graph_only(SUBSCRIPTION, "messageStatus", Some(Scope::MessagesRead)),
    // What has the id decides who may see it.
    graph_only(QUERY, "node", None),
    graph_only(QUERY, "me", None),
    graph_only(QUERY, "version", None),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_stands_twice_in_the_table() {
        let names = all().flat_map(Operation::rest_names);
        let names: Vec<_> = names.flat_map(|name| [Some(name.rest), name.below_session]).flatten().collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let fields: Vec<_> = all().filter_map(|operation| operation.field).collect();
        assert_eq!(fields.iter().collect::<BTreeSet<_>>().len(), fields.len());
    }

    #[test]
    fn what_is_also_below_a_session_has_another_name_there() {
        assert_eq!(below_session("getWebhook"), Some("getSessionWebhook"));
        assert_eq!(below_session("getSessionWebhook"), None);
        assert_eq!(below_session("getSession"), None);
        assert_eq!(below_session("listDeadLetters"), Some("listSessionDeadLetters"));
    }

    #[test]
    fn an_alias_stands_in_the_row_of_its_operation_and_fails_as_that_does() {
        let names = |rest| {
            let row = all().find(|operation| operation.rest == Some(rest)).expect("it is there");
            row.rest_names().map(|name| (name.rest, name.is_alias, name.failures)).collect::<Vec<_>>()
        };
        let reacting = names("reactToMessage");
        assert_eq!((reacting[0].0, reacting[0].1), ("reactToMessage", false));
        assert_eq!((reacting[1].0, reacting[1].1, reacting[1].2), ("sendReaction", true, reacting[0].2));
        let sending = names("sendMessage");
        assert_eq!((sending[1].0, sending[1].1), ("sendText", true));
        let has_file = |failures: &[ErrorKind]| failures.contains(&ErrorKind::MediaUnsupported);
        assert!(has_file(sending[0].2) && !has_file(sending[1].2), "a text has no file");
        assert!(!names("listWebhookDeliveries")[1].2.contains(&ErrorKind::WebhookNotFound));
        assert_eq!(names("getMessage").len(), 1);
    }
}
