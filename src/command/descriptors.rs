//! How many sockets and files the process may have open: one for each connected session, and some.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{info, warn};

/// Asks for as many descriptors as the system lets this user have, and gives what it gave; none for any number. Where nobody
/// asks it gives 1,024: the sessions beyond that would never connect.
pub(super) fn raise_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, ..limit };
    if limit.current == limit.maximum {
        return limit.current;
    }
    let shown = |limit: Option<u64>| limit.map_or_else(|| "any number of".to_owned(), |limit| limit.to_string());
    match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => {
            info!("the process may open {} descriptors", shown(wanted.current));
            wanted.current
        }
        Err(error) => {
            warn!(error = %error, "the process may open only {} descriptors", shown(limit.current));
            limit.current
        }
    }
}
