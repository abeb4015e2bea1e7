//! The outbox: from a row that waits to what became of it.

pub(super) mod beside;
pub(super) mod due;
pub(super) mod failure;
pub(super) mod giving;
pub(super) mod group_sending;
pub(super) mod groups;
pub(super) mod holding;
pub(super) mod known;
pub(super) mod lanes;
pub(super) mod lifting;
pub(super) mod outbox;
pub(super) mod outboxes;
pub(super) mod queues;
pub(super) mod settling;
pub(super) mod transitions;
pub(super) mod uncertain;
pub(super) mod uploader;
pub(super) mod uploading;
pub(super) mod uploads;
pub(super) mod wake;
