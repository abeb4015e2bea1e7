//! `waypost export`: the API's documents as files of the repository.

use std::path::Path;

use crate::api::document;
use crate::api::graphql::graph;
use crate::config::command_line::ExportArgs;
use crate::error::Cause;
use crate::terminal;

/// Writes the documents, or compares them. False if one differs.
pub(super) fn run(args: ExportArgs) -> Result<bool, Cause> {
    let mut is_same = true;
    // From the top of the repository.
    let documents = [
        ("openapi/openapi.json", document::document()),
        ("openapi/openapi-3.0.json", document::document_3_0()),
        ("schema/schema.graphql", graph::sdl()),
    ];
    for (file, document) in documents {
        if args.check {
            if !std::fs::read_to_string(file).is_ok_and(|kept| kept == document) {
                terminal::complain(format_args!(
                    "{file} is not what the code says: run `waypost export` and commit it"
                ));
                is_same = false;
            }
            continue;
        }
        if let Some(folder) = Path::new(file).parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(file, document)?;
        terminal::say(format_args!("wrote {file}"));
    }
    Ok(is_same)
}
