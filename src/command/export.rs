//! `waypost export`: the API's document as a file of the repository.

use std::path::Path;

use crate::api;
use crate::config::ExportArgs;
use crate::error::Cause;

/// Where the document lies, from the top of the repository.
const FILE: &str = "openapi/openapi.json";

/// Writes the document, or compares it. False if it differs.
pub(super) fn run(args: ExportArgs) -> Result<bool, Cause> {
    let document = api::document();
    if !args.check {
        let file = Path::new(FILE);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(file, document)?;
        println!("wrote {FILE}");
        return Ok(true);
    }
    let is_same = std::fs::read_to_string(FILE).is_ok_and(|file| file == document);
    if !is_same {
        eprintln!("{FILE} is not what the code says: run `waypost export` and commit it");
    }
    Ok(is_same)
}
