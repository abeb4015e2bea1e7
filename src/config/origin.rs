//! Sites whose pages may use the API from a browser.

/// An origin as browsers write it: scheme, host and, unless it is the usual one, the port.
pub(super) fn read(text: &str) -> Result<String, String> {
    let refused = || "must be an origin such as https://app.example.com, without a path; `*` is not taken".to_owned();
    let uri: http::Uri = text.trim().trim_end_matches('/').parse().map_err(|_| refused())?;
    let (Some(scheme @ ("http" | "https")), Some(host), "" | "/", None) =
        (uri.scheme_str(), uri.host().filter(|host| !host.is_empty()), uri.path(), uri.query())
    else {
        return Err(refused());
    };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) || text.contains(['#', '*']) {
        return Err(refused());
    }
    let usual = if scheme == "https" { 443 } else { 80 };
    let port = uri.port_u16().filter(|port| *port != usual).map_or_else(String::new, |port| format!(":{port}"));
    Ok(format!("{scheme}://{}{port}", host.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_as_browsers_write_it() {
        for (text, kept) in [
            ("https://App.example.com", "https://app.example.com"),
            ("https://app.example.com/", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(kept), "{text}");
        }
        for text in [
            "*",
            "null",
            "",
            "app.example.com",
            "ftp://x",
            "https://*.example.com",
            "https://x/y",
            "https://x?y",
            "https://u@x",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
