//! The walls of the house: words that may be written in their own room only.

use std::path::{Path, PathBuf};

/// A word, and the places below `src/` where it may stand.
const WALLS: &[(&str, &[&str])] = &[
    ("whatsapp_rust", &["whatsapp/", "telemetry.rs"]),
    ("wacore", &["whatsapp/", "telemetry.rs"]),
    ("waproto", &["whatsapp/"]),
    (
        "sea_orm",
        &[
            "key/store.rs",
            "pairing_link/store.rs",
            "session/store.rs",
            "whatsapp/device_store/",
            "db/",
            "event/file_store.rs",
            "event/deleted_store.rs",
            "event/store.rs",
            "event/journal.rs",
            "event/journal/",
            "webhook/store.rs",
            "webhook/queue.rs",
            "webhook/lane.rs",
            "webhook/turn.rs",
            "webhook/refusals.rs",
            "api/health.rs",
            "telemetry.rs",
        ],
    ),
    ("rusqlite", &["db/"]),
    (
        "async_graphql",
        &[
            "account.rs",
            "api/graphql/",
            "event/types.rs",
            "event/body.rs",
            "event/body/",
            "key/types.rs",
            "pairing_link/types.rs",
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

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn each_word_stands_in_its_own_room_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 30, "the sources were not found");
    let mut trespasses = Vec::new();
    for file in files {
        let place = file.strip_prefix(&root).expect("it was found there").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("it can be read");
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
