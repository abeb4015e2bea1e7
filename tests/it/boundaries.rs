//! The walls of the house: which room may use which, that no files use each other in a circle, and words that may be written in
//! their own room only.
//!
//! What counts as use is a path in the code: a `use`, or a name with `::` in it. A `mod.rs` and a file with a folder beside it are files
//! like any other, so a file in a folder may not use what its head has, if the head uses what is in the file. That a module declares
//! another is no use; nor are methods, so a type may have some of its methods in files above it. What is only for tests does not
//! count.

mod circles;
mod imports;
mod path;
mod rooms;
mod source;
mod tests;

use std::path::Path as FilePath;

use crate::boundaries::imports::Crate;
use crate::boundaries::rooms::Table;

/// Who may use whom, from the ground up.
const TABLE: Table<'_> = Table {
    rooms: &[
        ("error", &[]),
        ("crash", &[]),
        ("clock", &[]),
        ("lifecycle", &[]),
        ("caller", &[]),
        ("terminal", &[]),
        ("control", &["terminal"]),
        ("account", &[]),
        ("token", &[]),
        ("rule", &[]),
        ("page", &[]),
        ("egress", &[]),
        ("db", &["page"]),
        ("media", &["db", "egress"]),
        ("key", &["db", "page", "rule", "token"]),
        ("event", &["db"]),
        ("webhook", &["db", "egress", "event", "page"]),
        ("whatsapp", &["account", "db", "event"]),
        ("session", &["account", "db", "egress", "event", "page", "rule", "webhook", "whatsapp"]),
        ("message", &["account", "db", "egress", "event", "media", "page", "session", "whatsapp"]),
        ("pairing_link", &["account", "db", "key", "page", "session", "token"]),
        (
            "api",
            &[
                "account",
                "db",
                "event",
                "key",
                "media",
                "message",
                "page",
                "pairing_link",
                "rule",
                "session",
                "webhook",
            ],
        ),
        ("config", &["api", "db", "egress", "event", "media", "message", "webhook", "whatsapp"]),
        ("telemetry", &["config"]),
        (
            "app",
            &[
                "api",
                "config",
                "control",
                "db",
                "egress",
                "event",
                "key",
                "media",
                "message",
                "pairing_link",
                "session",
                "telemetry",
                "webhook",
                "whatsapp",
            ],
        ),
        ("command", &["account", "api", "app", "config", "control", "db", "telemetry", "terminal", "whatsapp"]),
        ("main", &["command", "config"]),
        // Declares the rooms.
        ("lib", &[]),
    ],
    for_all: &["error", "crash", "clock", "lifecycle", "caller"],
};

/// What of `entity` is no table.
const NO_TABLES: &[&str] = &["ids", "long", "timestamp", "words"];

/// A word, and the places below `src/` where it may stand.
const WALLS: &[(&str, &[&str])] = &[
    ("whatsapp_rust", &["whatsapp/", "telemetry.rs"]),
    ("wacore", &["whatsapp/", "telemetry.rs"]),
    ("waproto", &["whatsapp/"]),
    (
        "sea_orm",
        &[
            "key/store.rs",
            "media/store.rs",
            "pairing_link/store.rs",
            "session/store.rs",
            "whatsapp/device_store/",
            "db/",
            "event/file_store.rs",
            "event/deleted_store.rs",
            "event/index_store.rs",
            "message/store/outbox_store",
            "message/store/receipt_store.rs",
            "message/store/restriction_store.rs",
            "message/lookup/recipient_store.rs",
            "message/store/upload_key_store.rs",
            "message/store/upload_store.rs",
            "whatsapp/names.rs",
            "whatsapp/group_members.rs",
            "message/store/audience_store.rs",
            "event/store.rs",
            "event/timer_store.rs",
            "event/vote_store.rs",
            "event/journal.rs",
            "event/flusher.rs",
            "event/journal/",
            "webhook/row.rs",
            "webhook/store.rs",
            "webhook/delivery/store.rs",
            "webhook/delivery/dead_letter_store.rs",
            "webhook/delivery/lane_store.rs",
            "webhook/delivery/lane_query.rs",
            "webhook/delivery/refusals.rs",
            "telemetry.rs",
        ],
    ),
    ("rusqlite", &["db/"]),
    (
        "async_graphql",
        &[
            "account.rs",
            "api/graphql/",
            "api/chat/graphql.rs",
            "api/event/graphql.rs",
            "api/key/graphql.rs",
            "api/media/graphql.rs",
            "api/message/graphql.rs",
            "api/message_action/graphql.rs",
            "api/message_mark/graphql.rs",
            "api/pairing_link/graphql.rs",
            "api/poll/graphql.rs",
            "api/session/graphql.rs",
            "api/session/node.rs",
            "api/webhook/graphql.rs",
            "event/types.rs",
            "event/body.rs",
            "event/body/",
            "key/types.rs",
            "media/types.rs",
            "message/content.rs",
            "message/action/action_types.rs",
            "message/content/",
            "message/file/file_types.rs",
            "message/view/vote_types.rs",
            "message/receipt/receipt_types.rs",
            "message/types.rs",
            "pairing_link/types.rs",
            "session/setting.rs",
            "session/types.rs",
            "webhook/types.rs",
            "telemetry.rs",
        ],
    ),
    // Whatever reads a document keeps it to the limits first; the others are tests.
    (
        "parse_query(",
        &[
            "api/graphql/documents.rs",
            "api/graphql/documents/fuzz.rs",
            "api/graphql/answer_order.rs",
            "api/graphql/variables.rs",
            "api/graphql/guard/tests.rs",
            "api/graphql/expansion/tests.rs",
        ],
    ),
    ("parsed_query()", &[]),
    ("tokio_tungstenite", &["api/graphql/socket/"]),
    ("poem::", &["api/", "telemetry.rs"]),
    ("reqwest", &["whatsapp/", "egress/", "command/pair.rs", "telemetry.rs"]),
    ("std::env", &["config.rs"]),
    ("tokio::spawn", &["lifecycle.rs"]),
    ("hyper::", &["api/listener/"]),
    ("println!", &["command/pair.rs"]),
    ("Utc::now", &["clock.rs"]),
    (
        "expose_secret()",
        &[
            "app.rs",
            "command/pair.rs",
            "command/serve.rs",
            "config.rs",
            "egress/",
            "key/mod.rs",
            "key/ticket.rs",
            "key/ticket_exchange.rs",
            "pairing_link/mod.rs",
            "token.rs",
            "webhook/",
        ],
    ),
];

/// The sources below `src/`: their places and texts.
fn sources() -> Vec<(String, String)> {
    fn walk(folder: &FilePath, root: &FilePath, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let place = path.strip_prefix(root).expect("it was found there").to_string_lossy().into_owned();
                found.push((place, std::fs::read_to_string(&path).expect("it can be read")));
            }
        }
    }
    let root = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    assert!(found.len() > 30, "the sources were not found");
    found
}

#[test]
fn each_room_uses_those_that_the_table_lets_it_use() {
    let sources = Crate::read(sources());
    let imports = sources.imports();
    assert!(imports.len() > 1_000, "the paths were not found");
    assert_eq!(TABLE.differences(sources.places(), &imports), Vec::<String>::new());
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let imports = Crate::read(sources()).imports();
    assert_eq!(circles::all(&imports), Vec::<String>::new());
}

#[test]
fn tables_are_named_where_they_are_read_and_written_only() {
    let homes = WALLS.iter().find(|(word, _)| *word == "sea_orm").map_or(&[][..], |(_, homes)| *homes);
    let sources = Crate::read(sources());
    let of_tables = sources.uses_of("entity").filter(|(_, _, name)| {
        let first = name.split("::").next().unwrap_or_default();
        !NO_TABLES.contains(&first)
    });
    let trespasses = of_tables.filter(|(place, _, _)| !homes.iter().any(|home| place.starts_with(home)));
    let trespasses: Vec<_> = trespasses.map(|(place, line, name)| format!("{place}:{line}: entity::{name}")).collect();
    assert_eq!(trespasses, Vec::<String>::new());
}

#[test]
fn each_word_stands_in_its_own_room_only() {
    let mut trespasses = Vec::new();
    for (place, text) in sources() {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for (word, homes) in WALLS {
                if line.contains(word) && !homes.iter().any(|home| place.starts_with(home)) {
                    trespasses.push(format!("{place}:{}: {word}", number + 1));
                }
            }
        }
    }
    assert_eq!(trespasses, Vec::<String>::new());
}
