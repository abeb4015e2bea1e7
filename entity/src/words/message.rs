//! What messages are, and what is in them.

use poem_openapi::Enum;
use sea_orm::{DeriveActiveEnum, EnumIter};

words!(
    /// What a message is.
    MessageType {
        /// Text.
        Text = "text",
        /// A picture.
        Image = "image",
        /// A video.
        Video = "video",
        /// A piece of music or another recording.
        Audio = "audio",
        /// A voice message.
        Voice = "voice",
        /// A file.
        Document = "document",
        /// A sticker.
        Sticker = "sticker",
        /// A place, or where somebody is as they move.
        Location = "location",
        /// One contact or more.
        Contacts = "contacts",
        /// A poll.
        Poll = "poll",
        /// A vote in a poll.
        PollVote = "poll_vote",
        /// A reaction to another message.
        Reaction = "reaction",
        /// An edit of another message.
        Edit = "edit",
        /// The removal of another message for everybody.
        Revoke = "revoke",
        /// The header of an album, whose pictures and videos follow as messages of their own.
        Album = "album",
        /// Another message was pinned in the chat, or unpinned.
        Pin = "pin",
        /// An invitation to a group.
        GroupInvite = "group_invite",
        /// An order of goods from a catalogue.
        Order = "order",
        /// A thing from a catalogue.
        Product = "product",
        /// An appointment that people say yes or no to.
        Appointment = "appointment",
        /// Whether somebody comes to an appointment.
        Attendance = "attendance",
        /// Another message, which would disappear, was kept in the chat, or not any more.
        Keep = "keep",
        /// After how long messages of the chat disappear was changed, through this API. That phones change it is told as a
        /// `disappearing_update`.
        Timer = "timer",
        /// Something that has no word here yet.
        Unknown = "unknown",
    }
);

words!(
    /// What somebody tapped.
    TapKind {
        /// A button below a message.
        Button = "button",
        /// A row of a list.
        ListRow = "list_row",
        /// A button of a template.
        TemplateButton = "template_button",
        /// A button, a list or a form of a native flow.
        Flow = "flow",
    }
);

words!(
    /// Whether a vote could be read.
    VoteState {
        /// It could.
        Opened = "opened",
        /// The poll is not known: it was asked before the session was linked, or more than 90 days ago.
        PollUnknown = "poll_unknown",
        /// The poll is known, and its secret does not open the vote.
        Undecryptable = "undecryptable",
    }
);

words!(
    /// Whether somebody comes to an appointment.
    Attendance {
        /// They come.
        Going = "going",
        /// They do not come.
        NotGoing = "not_going",
        /// They do not know yet.
        Maybe = "maybe",
    }
);

words!(
    /// Whether it could be read if somebody comes to an appointment.
    AttendanceState {
        /// It could.
        Opened = "opened",
        /// The appointment is not known: it was made before the session was linked, or more than 90 days ago.
        AppointmentUnknown = "appointment_unknown",
        /// The appointment is known, and its secret does not open the answer.
        Undecryptable = "undecryptable",
    }
);

words!(
    /// What media is.
    MediaKind {
        /// A picture.
        Image = "image",
        /// A video.
        Video = "video",
        /// A piece of music or another recording.
        Audio = "audio",
        /// A voice message.
        Voice = "voice",
        /// A file.
        Document = "document",
        /// A sticker.
        Sticker = "sticker",
    }
);

words!(
    /// Where the bytes of a message's file are.
    FileState {
        /// In the store of this server.
        Stored = "stored",
        /// At WhatsApp, or nowhere any more: they are fetched when somebody asks for them.
        Remote = "remote",
    }
);

words!(
    /// What the file of a message is, as its key is used. Not shown.
    FileKind {
        /// A picture.
        Image = "image",
        /// A video.
        Video = "video",
        /// Music, or a voice message.
        Audio = "audio",
        /// A file.
        Document = "document",
        /// A sticker.
        Sticker = "sticker",
        /// A package of stickers.
        StickerPack = "sticker_pack",
    }
);
