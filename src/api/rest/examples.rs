//! What the document shows of what every subject answers with. Values, so that a new field breaks the build here.

use poem_openapi::types::Example;

use crate::api::error::{Problem, ProblemSummary};
use crate::api::reply::Done;

impl Example for Done {
    fn example() -> Self {
        Self { success: true, message: "Session deleted".to_owned() }
    }
}

impl Example for Problem {
    fn example() -> Self {
        Self {
            kind: "urn:waypost:problem:session_not_found".to_owned(),
            title: "No such session".to_owned(),
            status: 404,
            detail: "no session has this id".to_owned(),
            code: "session_not_found".to_owned(),
            request_id: "019b7f0c5d5e7a60a5d8c3d1f2a4b6c8".to_owned(),
            message_id: None,
            error: ProblemSummary::example(),
        }
    }
}

impl Example for ProblemSummary {
    fn example() -> Self {
        Self { code: 404, message: "no session has this id".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::reply::is_written_as_documented;

    #[test]
    fn every_answer_is_written_as_the_document_says() {
        is_written_as_documented::<Done>();
    }
}
