//! What some flags are read by: a value that does not fit is refused with the rule that it breaks.

#[cfg(feature = "sandbox")]
use std::net::{IpAddr, SocketAddr};

/// An http or https address without a query.
pub(super) fn web_address(text: &str) -> Result<String, String> {
    let is_web = text.parse::<http::Uri>().is_ok_and(|uri| {
        let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        scheme && uri.host().is_some_and(|host| !host.is_empty()) && uri.query().is_none()
    });
    if is_web && !text.contains('#') { Ok(text.to_owned()) } else { Err("must be an http or https address".to_owned()) }
}

/// Messages per second.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=1_000.0).contains(&rate) => Ok(rate),
        _ => Err("must be a number from 0 to 1000, such as 0.5".to_owned()),
    }
}

pub(super) fn version(text: &str) -> Result<(u32, u32, u32), String> {
    let mut numbers = text.split('.').map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten(), numbers.next().flatten(), numbers.next()) {
        (Some(first), Some(second), Some(third), None) => Ok((first, second, third)),
        _ => Err("must be three numbers with dots, such as 2.3000.1023000000".to_owned()),
    }
}

#[cfg(feature = "sandbox")]
pub(super) fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "must be an address and a port".to_owned())?;
    if address.ip().is_loopback() { Ok(address) } else { Err("must be a loopback address".to_owned()) }
}

#[cfg(feature = "sandbox")]
pub(super) fn loopback_url(text: &str) -> Result<String, String> {
    let uri: http::Uri = text.parse().map_err(|_| "must be a ws:// address".to_owned())?;
    let is_websocket = matches!(uri.scheme_str(), Some("ws" | "wss"));
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    // A name could point anywhere; only a literal address is sure to stay here.
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_websocket && is_loopback {
        Ok(text.to_owned())
    } else {
        Err("must be ws:// and a literal loopback address: this build does not check WhatsApp's certificates"
            .to_owned())
    }
}
