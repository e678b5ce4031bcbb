//! Addresses of the other side.

use std::net::IpAddr;

use http::Uri;
use http::uri::Scheme;

use crate::exit::Trouble;

/// Reads an absolute URL of HTTP.
pub(crate) fn parse_url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|error| format!("{error}"))?;
    let http = [Scheme::HTTP, Scheme::HTTPS]
        .iter()
        .any(|scheme| url.scheme() == Some(scheme));
    if !http || url.host().is_none_or(str::is_empty) {
        return Err("expected a URL such as `http://127.0.0.1:3000/webhooks/apideck`".to_owned());
    }
    let authority = url.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err(
            "a URL on the command line can be seen by others, so it must not hold a password".to_owned(),
        );
    }
    // The client would take the scheme's own port instead.
    let port = authority.strip_prefix(url.host().unwrap_or_default());
    if port.is_some_and(|port| port.len() > ":".len()) && url.port_u16().is_none() {
        return Err("the port is not a number up to 65535".to_owned());
    }
    Ok(url)
}

/// Writes a URL without its query, which can hold a token.
pub(crate) fn shown(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or_default();
    let authority = url.authority().map_or("", |authority| authority.as_str());
    format!("{scheme}://{authority}{}", url.path())
}

pub(crate) fn is_https(url: &Uri) -> bool {
    url.scheme() == Some(&Scheme::HTTPS)
}

/// Tells if a URL leads to this machine or to a private network.
///
/// # Errors
///
/// The host has no address.
pub(crate) async fn is_near(url: &Uri) -> Result<bool, Trouble> {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    if host == "localhost" || host.ends_with(".localhost") {
        return Ok(true);
    }
    if let Ok(address) = host.parse() {
        return Ok(is_near_address(address));
    }
    let addresses = tokio::net::lookup_host((host, 0)).await;
    let mut addresses = addresses.map_err(|error| Trouble::unreachable(format_args!("{host}: {error}")))?;
    Ok(addresses.all(|address| is_near_address(address.ip())))
}

/// Asks for `--yes` before anything is sent to a machine elsewhere.
pub(crate) async fn confirm(url: &Uri, yes: bool) -> Result<(), Trouble> {
    if yes || is_near(url).await? {
        return Ok(());
    }
    Err(Trouble::wrong_use(format_args!(
        "{} is neither this machine nor in a private network: add `--yes` to send to it",
        shown(url)
    )))
}

/// Refuses to send a secret in the clear to a machine elsewhere.
pub(crate) async fn keep_secret(url: &Uri) -> Result<(), Trouble> {
    if is_https(url) || is_near(url).await? {
        return Ok(());
    }
    Err(Trouble::wrong_use(format_args!(
        "{} would get a secret in the clear: use `https`",
        shown(url)
    )))
}

fn is_near_address(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified()
        }
    }
}

/// Joins a path to a URL, such as that of a mount.
pub(crate) fn join(base: &Uri, path: &str) -> Result<Uri, Trouble> {
    let joined = format!("{}/{}", shown(base).trim_end_matches('/'), path);
    joined
        .parse()
        .map_err(|error| Trouble::wrong_use(format_args!("`{joined}`: {error}")))
}

/// Writes the query of a URL.
pub(crate) fn query(pairs: &[(&str, String)]) -> String {
    let encode = |text: &str| {
        let mut encoded = String::new();
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    encoded.push(char::from(byte));
                }
                _ => encoded += &format!("%{byte:02X}"),
            }
        }
        encoded
    };
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_machine_and_private_networks_are_near() {
        for (url, near) in [
            ("http://127.0.0.1:3000/", true),
            ("http://[::1]:3000/", true),
            ("http://[::ffff:10.0.0.1]/", true),
            ("http://localhost/", true),
            ("http://app.localhost/", true),
            ("http://192.168.1.7/", true),
            ("http://[fd00::1]/", true),
            ("http://8.8.8.8/", false),
            ("http://[2001:db8::1]/", false),
        ] {
            let url = parse_url(url).unwrap();
            assert_eq!(is_near(&url).await.unwrap(), near, "{url}");
            assert_eq!(confirm(&url, false).await.is_ok(), near);
            assert!(confirm(&url, true).await.is_ok());
        }
    }

    #[test]
    fn a_url_is_absolute_and_holds_no_password() {
        for wrong in [
            "/webhooks",
            "127.0.0.1:3000",
            "ftp://a/",
            "http://u:p@a/",
            "http://127.0.0.1:99999/",
            "http://[::1]:65536/",
            "http://",
            "a b",
        ] {
            assert!(parse_url(wrong).is_err(), "{wrong}");
        }
        let url = parse_url("https://example.com:1/a?token=x").unwrap();
        assert_eq!(shown(&url), "https://example.com:1/a");
        assert_eq!(join(&url, "api/x").unwrap(), "https://example.com:1/a/api/x");
        assert_eq!(
            query(&[("filter[a]", "x y&é".to_owned())]),
            "filter%5Ba%5D=x%20y%26%C3%A9"
        );
    }
}
