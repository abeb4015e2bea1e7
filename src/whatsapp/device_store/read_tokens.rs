//! Tokens that were read. The library asks for the one of the recipient before each message, so they are kept until something is written
//! that they are read from: tokens, or which number has which LID. Only the store of the session writes these.

use std::collections::HashMap;

use parking_lot::Mutex;
use wacore::store::traits::TcTokenEntry;

/// Contacts whose tokens are kept in memory.
const KEPT: usize = 64;

/// The tokens that were read since something was written.
#[derive(Debug, Default)]
pub(super) struct ReadTokens(Mutex<Read>);

#[derive(Debug, Default)]
struct Read {
    tokens: HashMap<String, Option<TcTokenEntry>>,
    /// How often they were forgotten.
    writes: u64,
}

impl ReadTokens {
    /// What was read of somebody, or how often something was written until now.
    pub(super) fn get(&self, jid: &str) -> std::result::Result<Option<TcTokenEntry>, u64> {
        let read = self.0.lock();
        read.tokens.get(jid).cloned().ok_or(read.writes)
    }

    /// Keeps what was read, unless something was written meanwhile.
    pub(super) fn keep(&self, jid: &str, found: Option<TcTokenEntry>, writes: u64) {
        let mut read = self.0.lock();
        if read.writes == writes {
            if read.tokens.len() >= KEPT {
                read.tokens.clear();
            }
            read.tokens.insert(jid.to_owned(), found);
        }
    }

    /// Something was written, or may have been.
    pub(super) fn forget(&self) {
        let mut read = self.0.lock();
        read.tokens = HashMap::new();
        read.writes += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_something_was_written_is_not_kept() {
        let tokens = ReadTokens::default();
        let token = TcTokenEntry { token: vec![7], token_timestamp: 1, sender_timestamp: None };
        let writes = tokens.get("1").map(drop).expect_err("nothing was read");
        tokens.forget();
        tokens.keep("1", None, writes);
        let writes = tokens.get("1").map(drop).expect_err("it was read too early");
        tokens.keep("1", Some(token), writes);
        assert_eq!(tokens.get("1").expect("it is kept").map(|entry| entry.token), Some(vec![7]));
        for number in 0..10 * KEPT {
            tokens.keep(&number.to_string(), None, writes);
        }
        assert!(tokens.0.lock().tokens.len() <= KEPT);
    }
}
