//! The hosts, origins and credentials that are accepted and refused.

use serde_json::json;

use super::*;
use crate::secret::Secret;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn allowed_hosts(addresses: &[&str]) -> AllowedHosts {
    let addresses: Vec<SocketAddr> = addresses.iter().map(|a| a.parse().unwrap()).collect();
    AllowedHosts::new(&addresses, Some("Box"))
}

#[test]
fn secrets_are_compared_whole_whatever_their_length() {
    assert!(secrets_equal("token", "token"));
    assert!(secrets_equal("", ""));
    for other in ["", "toke", "tokenn", "Token", "nekot"] {
        assert!(!secrets_equal("token", other), "{other}");
    }
}

#[test]
fn only_the_required_kind_of_credentials_is_accepted() {
    let token = ClientAuth::Token(Secret::new("t"));
    let password = ClientAuth::Password(Secret::new("p"));
    assert_eq!(check_credentials(&token, Some("t"), None), AuthOutcome::Accepted);
    assert_eq!(check_credentials(&token, Some("x"), None), AuthOutcome::Wrong);
    assert_eq!(check_credentials(&token, None, Some("t")), AuthOutcome::Missing);
    assert_eq!(check_credentials(&token, Some(""), None), AuthOutcome::Missing);
    assert_eq!(
        check_credentials(&password, Some("p"), None),
        AuthOutcome::Missing
    );
    assert_eq!(
        check_credentials(&password, Some("x"), Some("p")),
        AuthOutcome::Accepted
    );
    assert_eq!(
        check_credentials(&ClientAuth::None, None, None),
        AuthOutcome::Accepted
    );
}

#[test]
fn one_bearer_header_is_read_and_a_second_voids_both() {
    assert_eq!(
        bearer_token(&headers(&[("authorization", "Bearer abc")])),
        Some("abc")
    );
    assert_eq!(
        bearer_token(&headers(&[("authorization", "bearer  abc ")])),
        Some("abc")
    );
    for refused in ["Basic abc", "Bearer", "abc", "Bearerabc"] {
        assert_eq!(
            bearer_token(&headers(&[("authorization", refused)])),
            None,
            "{refused}"
        );
    }
    let two = headers(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
    assert_eq!(bearer_token(&two), None);
}

#[test]
fn host_header_must_name_a_served_address() {
    let table = [
        ("localhost:19789", true),
        ("LOCALHOST:19789", true),
        ("127.0.0.1:19789", true),
        ("127.0.0.1", true),
        ("[::1]:19789", true),
        ("[::ffff:127.0.0.1]:19789", true),
        ("localhost:9000", true), // ssh -L 9000:localhost:19789
        ("127.0.0.2:19789", false),
        ("192.168.1.5:19789", false),
        ("box:19789", false),
        ("evil.example:19789", false),
        ("localhost.evil.example", false),
        ("127.0.0.1.evil.example", false),
        ("localhost@evil.example", false),
        ("evil.example@localhost", false),
        ("localhost.", false),
        ("2130706433:19789", false),
        ("", false),
    ];
    let hosts = allowed_hosts(&["127.0.0.1:19789", "[::1]:19789"]);
    for (host, allowed) in table {
        assert_eq!(
            hosts.host_allowed(&headers(&[("host", host)]), &[]),
            allowed,
            "{host}"
        );
    }
    assert!(!hosts.host_allowed(&headers(&[]), &[]), "none at all");
    let two = headers(&[("host", "localhost"), ("host", "localhost")]);
    assert!(!hosts.host_allowed(&two, &[]), "two of them");
}

#[test]
fn any_ip_address_is_accepted_on_all_interfaces_but_no_foreign_name() {
    let hosts = allowed_hosts(&["0.0.0.0:19789"]);
    for (host, allowed) in [
        ("192.168.1.5:19789", true),
        ("[fe80::1]:19789", true),
        ("box:19789", true),
        ("localhost:19789", true),
        ("evil.example:19789", false),
    ] {
        assert_eq!(
            hosts.host_allowed(&headers(&[("host", host)]), &[]),
            allowed,
            "{host}"
        );
    }
    let one = AllowedHosts::new(&["10.0.0.1:19789".parse().unwrap()], Some("box"));
    for (host, allowed) in [
        ("10.0.0.1", true),
        ("10.0.0.2", false),
        ("box", true),
        ("localhost", false),
    ] {
        assert_eq!(
            one.host_allowed(&headers(&[("host", host)]), &[]),
            allowed,
            "{host}"
        );
    }
}

#[test]
fn only_pages_of_served_addresses_pass_the_origin_check() {
    let hosts = allowed_hosts(&["127.0.0.1:19789", "[::1]:19789"]);
    let host = "127.0.0.1:19789";
    for (origin, allowed) in [
        ("http://127.0.0.1:19789", true),
        ("http://localhost:19789", true),
        ("http://[::1]:19789", true),
        ("http://127.0.0.1:3000", false),
        ("http://localhost", false),
        ("https://evil.example", false),
        ("http://127.0.0.1:19789.evil.example", false),
        ("http://evil.example?http://127.0.0.1:19789", false),
        ("null", false),
        ("", false),
        ("file://", false),
        ("chrome-extension://127.0.0.1:19789", false),
    ] {
        let asked = headers(&[("host", host), ("origin", origin)]);
        assert_eq!(hosts.origin_allowed(&asked, &[]), allowed, "{origin}");
    }
    assert!(
        hosts.origin_allowed(&headers(&[("host", host)]), &[]),
        "not a browser"
    );
    let two = headers(&[
        ("host", host),
        ("origin", "http://127.0.0.1:19789"),
        ("origin", "null"),
    ]);
    assert!(!hosts.origin_allowed(&two, &[]), "two of them");
    let forwarded = headers(&[("host", "localhost:9000"), ("origin", "http://localhost:9000")]);
    assert!(hosts.origin_allowed(&forwarded, &[]), "ssh -L");
    let with_path = headers(&[("host", host), ("origin", "http://127.0.0.1:19789/x")]);
    assert!(!hosts.origin_allowed(&with_path, &[]), "an origin has no path");
    let with_user = headers(&[("host", host), ("origin", "http://user@127.0.0.1:19789")]);
    assert!(!hosts.origin_allowed(&with_user, &[]), "nor a user name");
}

#[test]
fn configured_origins_are_accepted_and_a_wildcard_is_not() {
    let hosts = allowed_hosts(&["127.0.0.1:19789"]);
    let config = json!({"gateway": {"controlUi": {"allowedOrigins": ["https://claw.example/", "*", 7]}}});
    let origins = configured_origins(&config);
    let asked = headers(&[("host", "claw.example"), ("origin", "https://claw.example")]);
    assert!(hosts.host_allowed(&asked, &origins));
    assert!(hosts.origin_allowed(&asked, &origins));
    let spelled_out = headers(&[("host", "claw.example:443"), ("origin", "https://claw.example")]);
    assert!(
        hosts.host_allowed(&spelled_out, &origins),
        "the scheme's own port"
    );
    let plain = headers(&[("host", "127.0.0.1"), ("origin", "http://claw.example")]);
    assert!(!hosts.origin_allowed(&plain, &origins), "another scheme");
    let other = headers(&[("host", "evil.example"), ("origin", "https://evil.example")]);
    assert!(!hosts.host_allowed(&other, &origins));
    let direct = headers(&[("host", "127.0.0.1"), ("origin", "https://evil.example")]);
    assert!(!hosts.origin_allowed(&direct, &origins));
}

#[test]
fn local_means_loopback_by_address_and_name_without_a_proxy() {
    let loopback: IpAddr = "127.0.0.1".parse().unwrap();
    let local = |pairs: &[(&'static str, &str)], ip: IpAddr| is_local(&headers(pairs), ip);
    assert!(local(&[("host", "localhost:1")], loopback));
    assert!(local(&[("host", "[::1]:1")], "::1".parse().unwrap()));
    assert!(local(
        &[("host", "127.0.0.1:1")],
        "::ffff:127.0.0.1".parse().unwrap()
    ));
    assert!(!local(&[("host", "127.0.0.1:1")], "10.0.0.1".parse().unwrap()));
    assert!(!local(&[("host", "claw.example")], loopback));
    for header in [
        "x-forwarded-for",
        "x-forwarded-host",
        "forwarded",
        "x-real-ip",
        "via",
    ] {
        assert!(
            !local(&[("host", "localhost:1"), (header, "x")], loopback),
            "{header}"
        );
    }
}
