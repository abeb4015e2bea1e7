//! From what a client asks for to a message in its row.

pub(super) mod accepting;
pub(super) mod album;
pub(super) mod answering;
pub(super) mod answers;
pub(super) mod attaching;
pub(super) mod checked;
pub(super) mod drafting;
pub(super) mod group_mentions;
pub(super) mod grouping;
pub(super) mod mentions;
