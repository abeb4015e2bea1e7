//! Turns a name into addresses that may be reached, and into no other.

use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::egress::networks::Networks;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Turns a name into addresses.
pub(super) trait Lookup: Send + Sync + fmt::Debug {
    fn lookup(&self, name: String) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>;
}

/// The system's own.
#[derive(Debug)]
pub(super) struct System;

impl Lookup for System {
    fn lookup(&self, name: String) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
    }
}

/// Resolves names to addresses that may be reached.
#[derive(Debug)]
pub(super) struct Guard {
    allowed: Arc<Networks>,
    lookup: Arc<dyn Lookup>,
}

impl Guard {
    pub(super) fn new(allowed: Arc<Networks>, lookup: Arc<dyn Lookup>) -> Self {
        Self { allowed, lookup }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (allowed, lookup) = (Arc::clone(&self.allowed), self.lookup.lookup(name.as_str().to_owned()));
        Box::pin(async move {
            let found = lookup.await.map_err(|_| Unresolved)?;
            Ok(Box::new(reachable(&allowed, found)?.into_iter()) as Addrs)
        })
    }
}

/// Those of a name's addresses that may be reached. Many names have one that may and one that may not (`localhost` with `::1`),
/// and only what is given here is dialled.
pub(super) fn reachable(allowed: &Networks, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, BoxError> {
    let mut refused = None;
    let mut good = Vec::new();
    for address in found {
        match allowed.refusal(address.ip()) {
            Some(refusal) => refused = Some(NameRefusal(refusal.what())),
            None => good.push(address),
        }
    }
    match refused {
        _ if !good.is_empty() => Ok(good),
        Some(refusal) => Err(BoxError::from(refusal)),
        None => Err(BoxError::from(Unresolved)),
    }
}

/// None of a name's addresses may be reached. Which they are is not said: that is how an inner network looks from inside.
#[derive(Debug)]
pub(super) struct NameRefusal(&'static str);

impl fmt::Display for NameRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: the name leads to {}; allow its network with --egress-allow", self.0)
    }
}

impl StdError for NameRefusal {}

/// A name has no address.
#[derive(Debug)]
pub(super) struct Unresolved;

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name could not be resolved")
    }
}

impl StdError for Unresolved {}
