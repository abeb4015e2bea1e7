//! What writes the files of messages, in the transaction of their events.

use entity::timestamp::Timestamp;
use sea_orm::Value;

use crate::db::batch::Batch;
use crate::db::batch::Shortfall;
use crate::event::file::MessageFile;
use crate::event::index::MessageKey;

const INTO_FILE: &str = "message_file (session_id, chat, sender, message_id, kind, direct_path, media_key, file_sha256, \
                         file_enc_sha256, file_length, mimetype, created_at)";

/// Adds these files to a batch, but for those of sessions that were deleted. A message that comes again has the same one.
pub(super) fn write<'a>(batch: &mut Batch, files: impl Iterator<Item = (&'a MessageKey, &'a MessageFile, Timestamp)>) {
    let rows = files.map(|(key, file, created_at)| binds(key, file, created_at)).collect();
    batch.with_rows(rows, Shortfall::Fine, |values| {
        format!(
            "INSERT INTO {INTO_FILE} SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7, \
             v.column8, v.column9, v.column10, v.column11, v.column12 FROM ({values}) AS v JOIN session s ON s.id = v.column1 \
             WHERE true ON CONFLICT (session_id, chat, sender, message_id) DO NOTHING"
        )
    });
}

fn binds(key: &MessageKey, file: &MessageFile, created_at: Timestamp) -> Vec<Value> {
    let MessageKey { session_id, chat, sender, message_id } = key;
    let MessageFile { kind, direct_path, media_key, file_sha256, file_enc_sha256, file_length, mimetype } =
        file.clone();
    vec![
        session_id.as_str().into(),
        chat.as_str().into(),
        sender.as_str().into(),
        message_id.as_str().into(),
        kind.into(),
        direct_path.into(),
        media_key.into(),
        file_sha256.into(),
        file_enc_sha256.into(),
        file_length.into(),
        mimetype.into(),
        created_at.into(),
    ]
}
