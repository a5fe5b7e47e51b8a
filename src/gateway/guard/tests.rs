//! What a browser may say of itself, and what opens the door.

use super::*;
use crate::secret::Secret;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn served(addresses: &[&str]) -> Served {
    let addresses: Vec<SocketAddr> = addresses.iter().map(|a| a.parse().unwrap()).collect();
    Served::new(&addresses, Some("Box"))
}

#[test]
fn secrets_are_the_same_or_not_whatever_their_length() {
    assert!(same("token", "token"));
    assert!(same("", ""));
    for other in ["", "toke", "tokenn", "Token", "nekot"] {
        assert!(!same("token", other), "{other}");
    }
}

#[test]
fn only_what_is_asked_for_opens() {
    let token = Proof::Token(Secret::new("t"));
    let password = Proof::Password(Secret::new("p"));
    assert_eq!(admits(&token, Some("t"), None), Admission::Granted);
    assert_eq!(admits(&token, Some("x"), None), Admission::Wrong);
    assert_eq!(admits(&token, None, Some("t")), Admission::Missing);
    assert_eq!(admits(&token, Some(""), None), Admission::Missing);
    assert_eq!(admits(&password, Some("p"), None), Admission::Missing);
    assert_eq!(admits(&password, Some("x"), Some("p")), Admission::Granted);
    assert_eq!(admits(&Proof::None, None, None), Admission::Granted);
}

#[test]
fn one_bearer_header_is_read_and_two_are_none() {
    assert_eq!(bearer(&headers(&[("authorization", "Bearer abc")])), Some("abc"));
    assert_eq!(
        bearer(&headers(&[("authorization", "bearer  abc ")])),
        Some("abc")
    );
    for refused in ["Basic abc", "Bearer", "abc", "Bearerabc"] {
        assert_eq!(bearer(&headers(&[("authorization", refused)])), None, "{refused}");
    }
    let two = headers(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
    assert_eq!(bearer(&two), None);
}

#[test]
fn the_host_is_an_address_that_is_served() {
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
    let served = served(&["127.0.0.1:19789", "[::1]:19789"]);
    for (host, allowed) in table {
        assert_eq!(
            served.host_allowed(&headers(&[("host", host)]), &[]),
            allowed,
            "{host}"
        );
    }
    assert!(!served.host_allowed(&headers(&[]), &[]), "none at all");
    let two = headers(&[("host", "localhost"), ("host", "localhost")]);
    assert!(!served.host_allowed(&two, &[]), "two of them");
}

#[test]
fn on_every_address_numbers_are_ours_and_foreign_names_are_not() {
    let served = served(&["0.0.0.0:19789"]);
    for (host, allowed) in [
        ("192.168.1.5:19789", true),
        ("[fe80::1]:19789", true),
        ("box:19789", true),
        ("localhost:19789", true),
        ("evil.example:19789", false),
    ] {
        assert_eq!(
            served.host_allowed(&headers(&[("host", host)]), &[]),
            allowed,
            "{host}"
        );
    }
    let one = super::Served::new(&["10.0.0.1:19789".parse().unwrap()], Some("box"));
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
fn a_page_of_ours_may_open_a_socket_and_no_other() {
    let served = served(&["127.0.0.1:19789", "[::1]:19789"]);
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
        assert_eq!(served.origin_allowed(&asked, &[]), allowed, "{origin}");
    }
    assert!(
        served.origin_allowed(&headers(&[("host", host)]), &[]),
        "not a browser"
    );
    let two = headers(&[
        ("host", host),
        ("origin", "http://127.0.0.1:19789"),
        ("origin", "null"),
    ]);
    assert!(!served.origin_allowed(&two, &[]), "two of them");
    let forwarded = headers(&[("host", "localhost:9000"), ("origin", "http://localhost:9000")]);
    assert!(served.origin_allowed(&forwarded, &[]), "ssh -L");
}

#[test]
fn what_the_config_allows_is_ours_too_but_never_everything() {
    let served = served(&["127.0.0.1:19789"]);
    let config = json!({"gateway": {"controlUi": {"allowedOrigins": ["https://claw.example/", "*", 7]}}});
    let origins = configured_origins(&config);
    let asked = headers(&[("host", "claw.example"), ("origin", "https://claw.example")]);
    assert!(served.host_allowed(&asked, &origins));
    assert!(served.origin_allowed(&asked, &origins));
    let other = headers(&[("host", "evil.example"), ("origin", "https://evil.example")]);
    assert!(!served.host_allowed(&other, &origins));
    let direct = headers(&[("host", "127.0.0.1"), ("origin", "https://evil.example")]);
    assert!(!served.origin_allowed(&direct, &origins));
}

#[test]
fn local_is_loopback_named_so_and_passed_on_by_nobody() {
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

#[tokio::test(start_paused = true)]
async fn many_connections_of_one_address_guess_no_faster_than_one() {
    let home = tempfile::tempdir().unwrap();
    let shared = crate::gateway::serve::tests::shared(home.path(), json!({}));
    let proof = Proof::Token(Secret::new("t"));
    let shows = async |token: &str, from: &str| {
        let shown = headers(&[("authorization", &format!("Bearer {token}"))]);
        admission(&shared, &proof, &shown, from.parse().ok()).await
    };
    for _ in 0..9 {
        assert_eq!(shows("x", "192.0.2.1").await, Admission::Wrong);
    }
    let both = tokio::join!(shows("t", "192.0.2.1"), shows("t", "192.0.2.1"));
    assert_eq!(
        both,
        (Admission::Granted, Admission::Wrong),
        "nobody looks at the second"
    );
    assert_eq!(
        shows("t", "192.0.2.1").await,
        Admission::Granted,
        "a right one clears it"
    );
    for _ in 0..9 {
        assert_eq!(shows("x", "127.0.0.1").await, Admission::Wrong);
    }
    let both = tokio::join!(shows("t", "127.0.0.1"), shows("t", "127.0.0.1"));
    assert_eq!(
        both,
        (Admission::Granted, Admission::Granted),
        "programs of this machine"
    );
}
