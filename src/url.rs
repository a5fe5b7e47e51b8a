//! Absolute URLs and the `host:port` part of one, taken apart by the parser of the `http` crate.
//!
//! It holds the rules that are easy to get wrong by hand: the brackets of an IPv6 address are not part of the
//! host, a user name is not part of the address, and a port that is not written is the scheme's own.

use std::net::IpAddr;

use http::Uri;
use http::uri::Authority;

/// An absolute URL with a scheme and a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerUrl {
    scheme: String,
    authority: Authority,
    path_and_query: String,
}

impl ServerUrl {
    /// Parses an absolute URL; `None` where the text has no scheme, no host, or an unusable port.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts = text.parse::<Uri>().ok()?.into_parts();
        let authority = parts.authority?;
        if authority.host().is_empty() || has_unusable_port(&authority) {
            return None;
        }
        let path_and_query = parts.path_and_query;
        Some(Self {
            scheme: parts.scheme?.as_str().to_ascii_lowercase(),
            authority,
            path_and_query: path_and_query.map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned()),
        })
    }

    /// Returns the scheme of a URL in lower case.
    pub(crate) fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Returns whether the scheme of a URL is `http` or `ws`, which are not encrypted.
    pub(crate) fn is_unencrypted(&self) -> bool {
        matches!(self.scheme.as_str(), "http" | "ws")
    }

    /// Returns the host of a URL as it is written, an IPv6 address without its brackets.
    pub(crate) fn host(&self) -> &str {
        bare_host(self.authority.host())
    }

    /// Returns the port that is written in a URL, or `None` where there is none.
    pub(crate) fn port(&self) -> Option<u16> {
        self.authority.port_u16()
    }

    /// Returns the port that is written in a URL, else the default port of `http`, `ws` (80), `https` and `wss`
    /// (443).
    pub(crate) fn port_or_default(&self) -> Option<u16> {
        self.port().or(match self.scheme() {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            _ => None,
        })
    }

    /// Returns whether the URL has a user name or a password before its host.
    pub(crate) fn has_credentials(&self) -> bool {
        self.authority.as_str().contains('@')
    }

    /// Returns the authority of a URL as it is written, with its user name and password.
    pub(crate) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// Returns the host and the port of a URL as they are written, without user name and password.
    pub(crate) fn address(&self) -> &str {
        let authority = self.authority.as_str();
        authority
            .rsplit_once('@')
            .map_or(authority, |(_, address)| address)
    }

    /// Returns the path and the query of a URL, `/` where it has neither.
    pub(crate) fn path_and_query(&self) -> &str {
        &self.path_and_query
    }
}

/// Parses the authority `host[:port]` of a URL with nothing around it, as a `Host` header holds it. A user name is
/// refused: it would let one reader see another host than the next.
pub(crate) fn parse_authority(text: &str) -> Option<Authority> {
    let authority: Authority = text.parse().ok()?;
    (!authority.as_str().contains('@')).then_some(authority)
}

/// Returns the IP address of a URL's host that is written as one, with or without brackets; an IPv4 address that is
/// mapped into IPv6 as IPv4. `None` for a name.
pub(crate) fn host_ip(host: &str) -> Option<IpAddr> {
    bare_host(host).parse().ok().map(|ip: IpAddr| ip.to_canonical())
}

/// Returns whether the host of a URL is `localhost` or a loopback address.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host_ip(host).is_some_and(|ip| ip.is_loopback())
}

/// Returns the host of a URL without the brackets of an IPv6 address.
fn bare_host(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

/// Returns whether the authority `host:port` of a URL has a port that is not a valid one, such as `:99999`: the
/// parser accepts any text there.
fn has_unusable_port(authority: &Authority) -> bool {
    let address = authority.as_str().rsplit('@').next().unwrap_or_default();
    authority.port_u16().is_none() && address.len() != authority.host().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_found_in_every_form_of_a_url() {
        let cases = [
            ("http://localhost/x?y#z", "localhost", Some(80), "/x?y"),
            ("HTTPS://Box.example", "Box.example", Some(443), "/"),
            ("ws://127.0.0.1:4000", "127.0.0.1", Some(4000), "/"),
            ("wss://[::1]", "::1", Some(443), "/"),
            ("http://[::1]:8080/a", "::1", Some(8080), "/a"),
            ("http://user:pass@box:81", "box", Some(81), "/"),
            ("ftp://box", "box", None, "/"),
        ];
        for (text, host, port, path) in cases {
            let url = ServerUrl::parse(text).unwrap();
            assert_eq!((url.host(), url.port_or_default()), (host, port), "{text}");
            assert_eq!(url.path_and_query(), path, "{text}");
            assert_eq!(url.has_credentials(), text.contains('@'), "{text}");
        }
    }

    #[test]
    fn text_without_scheme_host_or_usable_port_is_no_url() {
        for text in [
            "",
            "box",
            "box:80",
            "/path",
            "http://",
            "http:///x",
            "http://:80",
            "http://box:99999",
            "http://box:",
            "http://box:x",
            "http://a b",
            "http://[::1",
        ] {
            assert_eq!(ServerUrl::parse(text), None, "{text}");
        }
    }

    #[test]
    fn authority_with_a_user_name_is_refused() {
        assert_eq!(parse_authority("box:80").unwrap().host(), "box");
        for text in ["user@box", "box@user:80", "", "box/", "a b"] {
            assert!(parse_authority(text).is_none(), "{text}");
        }
    }

    #[test]
    fn loopback_hosts_are_recognized_in_every_spelling() {
        for host in [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.8.9.1",
            "[::1]",
            "::1",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in ["localhost.", "box", "10.0.0.1", "[fe80::1]", ""] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }
}
