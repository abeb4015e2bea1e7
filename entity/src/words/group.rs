//! What happens to groups.

use poem_openapi::Enum;
use sea_orm::{DeriveActiveEnum, EnumIter};

words!(
    /// What changed about a group.
    GroupChange {
        /// It was made.
        Created = "created",
        /// It was deleted.
        Deleted = "deleted",
        /// Participants joined or were added.
        ParticipantsAdded = "participants_added",
        /// Participants left or were removed.
        ParticipantsRemoved = "participants_removed",
        /// Participants became admins.
        ParticipantsPromoted = "participants_promoted",
        /// Admins became plain participants.
        ParticipantsDemoted = "participants_demoted",
        /// A participant has another phone number.
        ParticipantChanged = "participant_changed",
        /// Its subject.
        Subject = "subject",
        /// Its description.
        Description = "description",
        /// Only admins may edit its subject and picture now.
        Locked = "locked",
        /// Everybody may edit its subject and picture now.
        Unlocked = "unlocked",
        /// Only admins may send now.
        Announcement = "announcement",
        /// Everybody may send now.
        NotAnnouncement = "not_announcement",
        /// After how long messages disappear.
        Ephemeral = "ephemeral",
        /// Who may let somebody in.
        Membership = "membership",
        /// Somebody asks to join, or does not any more.
        MembershipRequests = "membership_requests",
        /// Its invitation link.
        Invite = "invite",
        /// Something that has no word here yet.
        Other = "other",
    }
);
