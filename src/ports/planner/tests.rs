//! Tests of the planner: the port rules by example, and as properties over random hosts.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::*;
use crate::ports::{ClaimReason, DISJOINT_BASE_DISTANCE, ListeningProcess, SocketOwner, hashed_default_base};

const OTHER_LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Returns a planner for a host without other instances.
fn planner(asker: &str) -> Planner {
    let asker = ProfileName::parse(asker).unwrap();
    let ephemeral = Some(Span {
        first: 32768,
        last: 60999,
    });
    Planner {
        asker,
        holders: Vec::new(),
        listeners: Vec::new(),
        own_ports: Vec::new(),
        ephemeral,
        excluded: Vec::new(),
    }
}

/// Returns an instance that claims the family of a base port.
fn holder(label: &str, base: u16) -> Arc<PortHolder> {
    Arc::new(PortHolder {
        label: label.to_owned(),
        claims: PortFamily::new(base).unwrap().claims().collect(),
    })
}

fn listener(ip: IpAddr, port: u16) -> Listener {
    let owner = ListeningProcess {
        pid: 7,
        name: "nginx".to_owned(),
        instance: None,
        is_gateway: false,
    };
    Listener {
        ip,
        port: Port::known(port),
        owner: SocketOwner::Process(owner),
    }
}

fn bases(suggestions: &[PortSuggestion]) -> Vec<u16> {
    suggestions.iter().map(|s| s.family.base().get()).collect()
}

fn refusal(planner: &Planner, base: u16) -> Option<PortRefusal> {
    match planner.check(base, &LOOPBACK).verdict {
        PortVerdict::Refused(why) => Some(why),
        _ => None,
    }
}

#[test]
fn default_and_dev_get_their_reserved_bases_and_others_one_a_thousand_up() {
    assert_eq!(
        bases(&planner("default").suggest(3).unwrap()),
        [18789, 19789, 20789]
    );
    assert_eq!(bases(&planner("dev").suggest(2).unwrap()), [19001, 19789]);
    assert_eq!(
        bases(&planner("rescue").suggest(3).unwrap()),
        [19789, 20789, 21789]
    );

    let mut second = planner("rescue");
    second.holders.push(holder("default", 18789));
    assert_eq!(bases(&second.suggest(1).unwrap()), [19789]);

    let mut dev = planner("dev");
    dev.holders.push(holder("rescue", 19021));
    assert_eq!(
        bases(&dev.suggest(1).unwrap()),
        [19789],
        "19001 is not disjoint from 19021"
    );
}

#[test]
fn suggestions_avoid_ephemeral_ports_while_others_are_left() {
    let found = bases(&planner("x").suggest(18).unwrap());
    assert_eq!(found[..13], (19..32).map(|n| n * 1000 + 789).collect::<Vec<_>>());
    assert_eq!(found[13..17], [61789, 62789, 63789, 64789]);
    assert_eq!(
        found[17], 19112,
        "then the lowest gap above the default's and dev's"
    );
}

#[test]
fn every_disjoint_base_is_suggested_before_one_that_overlaps() {
    let mut full = planner("x");
    let mut number = 0;
    loop {
        let next = full.suggest(1).unwrap().remove(0);
        if !next.overlaps.is_empty() {
            let base = next.family.base();
            assert!(matches!(
                full.check(base, &LOOPBACK).verdict,
                PortVerdict::Near(_)
            ));
            break;
        }
        full.holders
            .push(holder(&number.to_string(), next.family.base().get()));
        number += 1;
    }
    // 65425 - 1024 bases, 111 ports each, a few lost between thousands and around unopenable ports.
    assert!((520..=580).contains(&number), "{number}");
}

#[test]
fn full_host_is_an_error_with_the_number_of_bases_left() {
    let mut full = planner("x");
    full.excluded.push(Span {
        first: 1,
        last: 60_000,
    });
    let found = full.suggest(1000).unwrap_err();
    assert_eq!(
        (found.asked, found.available),
        (1000, 48),
        "5535 ports, cut at five bases a thousand apart"
    );
    full.excluded.push(Span {
        first: 60_000,
        last: 65_535,
    });
    assert_eq!(
        full.suggest(1),
        Err(NoPortsLeft {
            asked: 1,
            available: 0
        })
    );
    assert_eq!(full.nearest(18789_u16), None);
    assert_eq!(full.suggest(0), Ok(vec![]));
}

#[test]
fn documented_pair_18789_and_18809_is_allowed_and_the_tenth_browser_has_no_port() {
    let mut rescue = planner("rescue");
    rescue.holders.push(holder("default", 18789));
    let PortVerdict::Near(cost) = rescue.check(18809_u16, &LOOPBACK).verdict else {
        panic!("allowed")
    };
    let span = Span {
        first: 18809,
        last: 18899,
    };
    assert_eq!(
        cost,
        [PoolOverlap {
            holder: "default".to_owned(),
            span,
            loser: OverlapLoser::Holder,
            browser_number: 10
        }]
    );

    let mut default = planner("default");
    default.holders.push(holder("rescue", 18809));
    let PortVerdict::Near(cost) = default.check(18789_u16, &LOOPBACK).verdict else {
        panic!("allowed")
    };
    assert_eq!((cost[0].loser, cost[0].browser_number), (OverlapLoser::Asker, 10));

    assert_eq!(
        refusal(&rescue, 18808),
        Some(PortRefusal::TooClose {
            holder: "default".to_owned(),
            base: 18789
        })
    );
    assert_eq!(rescue.check(18900_u16, &LOOPBACK).verdict, PortVerdict::Disjoint);
    assert!(matches!(
        rescue.check(18899_u16, &LOOPBACK).verdict,
        PortVerdict::Near(_)
    ));
    assert_eq!(rescue.closest_allowed(18789_u16).unwrap().family.base(), 18809);
    assert_eq!(rescue.closest_allowed(19001_u16).unwrap().family.base(), 19021);
    assert_eq!(default.closest_allowed(18809_u16).unwrap().family.base(), 18829);
}

#[test]
fn ports_out_of_range_or_closed_to_browsers_are_refused() {
    let host = planner("x");
    assert_eq!(refusal(&host, 1023), Some(PortRefusal::Privileged));
    assert_eq!(refusal(&host, 0), Some(PortRefusal::Privileged));
    assert_eq!(refusal(&host, 65426), Some(PortRefusal::TooHigh));
    assert_eq!(refusal(&host, 65425), None);
    assert_eq!(
        refusal(&host, 6000),
        Some(PortRefusal::BrowserBlocked {
            role: Role::Base,
            port: Port::known(6000)
        })
    );
    assert_eq!(
        refusal(&host, 10070),
        Some(PortRefusal::BrowserBlocked {
            role: Role::Relay,
            port: Port::known(10080)
        })
    );
    assert_eq!(
        refusal(&host, 10060),
        None,
        "10080 is in the pool, which no browser opens by hand"
    );
    assert_eq!(refusal(&host, 6680), None);
}

#[test]
fn port_that_another_config_pins_is_refused_with_its_key() {
    let mut host = planner("x");
    let claim = Claim::pinned(
        Span::one(30004_u16),
        Role::Pinned,
        "browser.profiles.work.cdpPort",
    );
    host.holders.push(Arc::new(PortHolder {
        label: "main".to_owned(),
        claims: vec![claim.clone()],
    }));
    let taken = PortRefusal::Claimed {
        holder: "main".to_owned(),
        role: Role::Canvas,
        port: Port::known(30004),
        claim,
    };
    assert_eq!(refusal(&host, 30000), Some(taken));
    let PortVerdict::Near(cost) = host.check(29990_u16, &LOOPBACK).verdict else {
        panic!("in the pool only")
    };
    assert_eq!((cost[0].loser, cost[0].browser_number), (OverlapLoser::Asker, 4));
}

#[test]
fn listener_blocks_its_address_and_a_wildcard_every_address() {
    let mut host = planner("x");
    host.listeners.push(listener(OTHER_LOOPBACK, 30002));
    assert_eq!(refusal(&host, 30000), None);
    assert!(matches!(
        host.check(30000_u16, &[ANY]).verdict,
        PortVerdict::Refused(PortRefusal::InUse {
            role: Role::BrowserControl,
            ..
        })
    ));
    for ip in ["0.0.0.0", "::", "127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        host.listeners = vec![listener(ip.parse().unwrap(), 30002)];
        assert!(
            matches!(refusal(&host, 30000), Some(PortRefusal::InUse { .. })),
            "{ip}"
        );
        assert_eq!(refusal(&host, 29000), None);
    }
    // Whatever the address, nothing is *suggested* over a listener.
    host.listeners = vec![listener(OTHER_LOOPBACK, 19800)];
    assert_eq!(bases(&host.suggest(1).unwrap()), [20789]);
}

#[test]
fn pool_needs_one_free_port() {
    let mut host = planner("x");
    host.listeners = (30011..30110).map(|port| listener(ANY, port)).collect();
    let check = host.check(30000_u16, &LOOPBACK);
    assert_eq!((check.verdict, check.notices.len()), (PortVerdict::Disjoint, 99));
    host.listeners.push(listener(ANY, 30110));
    assert!(matches!(
        refusal(&host, 30000),
        Some(PortRefusal::PoolTaken { .. })
    ));
    let near = host.closest_allowed(30000_u16).unwrap();
    assert_eq!(refusal(&host, near.family.base().get()), None);
}

#[test]
fn reserved_and_ephemeral_ports_give_notices_and_no_refusal() {
    let host = planner("rescue");
    let check = host.check(19001_u16, &LOOPBACK);
    assert_eq!(
        check.verdict,
        PortVerdict::Disjoint,
        "OpenClaw's own guide puts a rescue gateway there"
    );
    assert_eq!(
        check.notices,
        [PortNotice::Reserved(
            "dev",
            Span {
                first: 19001,
                last: 19111
            }
        )]
    );
    assert_eq!(
        host.check(32700_u16, &LOOPBACK).notices,
        [PortNotice::Ephemeral(Span {
            first: 32768,
            last: 32810
        })]
    );
    assert_eq!(planner("dev").check(19001_u16, &LOOPBACK).notices, []);
}

#[test]
fn nearest_base_to_a_taken_one_is_disjoint_from_its_holder() {
    let mut host = planner("rescue");
    host.holders.push(holder("main", 25000));
    assert_eq!(host.nearest(25000_u16).unwrap().family.base(), 25111);
    assert_eq!(host.nearest(24999_u16).unwrap().family.base(), 24889);
    assert_eq!(host.nearest(26000_u16).unwrap().family.base(), 26000);
    assert_eq!(host.nearest(1_u16).unwrap().family.base(), 1024);
}

#[test]
fn hashed_default_ports_are_those_of_openclaw() {
    for (profile, port) in [
        ("rescue", 23532),
        ("main", 23592),
        ("work", 41984),
        ("dev", 38556),
        ("a", 22220),
        ("ct2", 45696),
        ("Rescue", 57804),
        ("r2", 23877),
        ("backup", 32319),
        ("home", 32366),
    ] {
        assert_eq!(hashed_default_base(profile), port, "{profile}");
    }
}

/// Returns random hosts with other instances, listeners and excluded ports.
fn hosts() -> impl Strategy<Value = Planner> {
    let pinned = |port: u16| Claim {
        span: Span::one(port),
        role: Role::Pinned,
        reason: ClaimReason::Pinned("k".to_owned()),
    };
    let holders = prop::collection::vec((MIN_BASE..=MAX_BASE, prop::option::of(1..=u16::MAX)), 0..60);
    let ips = prop::sample::select(vec![LOOPBACK[0], LOOPBACK[1], ANY, OTHER_LOOPBACK]);
    let listeners = prop::collection::vec((ips, 1..=u16::MAX), 0..60);
    let spans = prop::collection::vec((1..=u16::MAX, 0..5000_u16), 0..4);
    let ephemeral = prop::option::of(Just(Span {
        first: 32768,
        last: 60999,
    }));
    let askers = prop::sample::select(vec!["default", "dev", "rescue"]);
    (askers, holders, listeners, spans, ephemeral).prop_map(
        move |(asker, bases, sockets, spans, ephemeral)| {
            let mut host = planner(asker);
            for (number, (base, pin)) in bases.into_iter().enumerate() {
                let mut holder = holder(&number.to_string(), base);
                Arc::make_mut(&mut holder).claims.extend(pin.map(pinned));
                host.holders.push(holder);
            }
            host.listeners = sockets.into_iter().map(|(ip, port)| listener(ip, port)).collect();
            host.excluded = spans
                .into_iter()
                .map(|(first, len)| Span {
                    first,
                    last: first.saturating_add(len),
                })
                .collect();
            host.ephemeral = ephemeral;
            host
        },
    )
}

/// Returns, by trying every base port, whether one is left whose family is disjoint from all others.
fn has_disjoint_base(host: &Planner) -> bool {
    (MIN_BASE..=MAX_BASE).any(|base| {
        let span = PortFamily::new(base).unwrap().span();
        let taken = |other: Span| other.overlap(span).is_some();
        !host.claims().any(|c| taken(c.span))
            && !host.listeners.iter().any(|l| span.contains(l.port))
            && !host
                .excluded
                .iter()
                .chain(&BROWSER_BLOCKED_PORTS)
                .any(|s| taken(*s))
            && !host.reserved_families().any(|(_, f)| taken(f.span()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn suggestions_never_conflict_and_come_in_order(host in hosts(), count in 0..40_usize) {
        let again = host.suggest(count);
        prop_assert_eq!(host.suggest(count), again, "deterministic");
        let Ok(found) = host.suggest(count) else { return Ok(()) };
        prop_assert_eq!(found.len(), count);
        let grades: Vec<_> = found.iter().map(|s| (!s.overlaps.is_empty(), s.ephemeral)).collect();
        prop_assert!(grades.is_sorted(), "{:?}", grades);
        for (at, one) in found.iter().enumerate() {
            let base = one.family.base();
            let verdict = host.check(base, &[ANY]).verdict;
            prop_assert!(!matches!(verdict, PortVerdict::Refused(_)), "{}: {:?}", base, verdict);
            prop_assert_eq!(one.overlaps.is_empty(), verdict == PortVerdict::Disjoint);
            for other in &found[..at] {
                prop_assert!(other.family.base().get().abs_diff(base.get()) >= DISJOINT_BASE_DISTANCE);
            }
        }
    }

    #[test]
    fn suggestions_are_disjoint_while_a_disjoint_base_is_left(host in hosts()) {
        let first = host.suggest(1);
        if has_disjoint_base(&host) {
            prop_assert_eq!(&first.unwrap()[0].overlaps, &[]);
            prop_assert_eq!(host.nearest(30_000_u16).unwrap().overlaps, []);
        } else if let Ok(found) = first {
            prop_assert!(!found[0].overlaps.is_empty());
        }
    }

    #[test]
    fn error_means_that_no_more_bases_are_left(host in hosts(), wall in 0..65_000_u16) {
        let mut host = host;
        host.excluded.push(Span { first: wall.saturating_sub(20_000), last: u16::MAX });
        if let Err(full) = host.suggest(100_000) {
            prop_assert!(full.available < full.asked);
            prop_assert_eq!(host.suggest(full.available).map(|s| s.len()), Ok(full.available));
        } else {
            prop_assert!(false, "there are no 100000 base ports");
        }
    }

    #[test]
    fn conflicts_are_symmetric(a in MIN_BASE..=MAX_BASE, distance in 0..130_u16) {
        let Some(b) = a.checked_add(distance).filter(|b| *b <= MAX_BASE) else { return Ok(()) };
        let judged = |held, asked| {
            let mut host = planner("x");
            host.holders.push(holder("other", held));
            host.refusal_by_claim(PortFamily::new(asked).unwrap()).is_some()
        };
        prop_assert_eq!(judged(a, b), judged(b, a));
        prop_assert_eq!(judged(a, b), distance < MIN_BASE_DISTANCE);
    }

    #[test]
    fn merging_keeps_every_port_and_adds_none(spans in prop::collection::vec((0..300_u16, 0..20_u16), 0..20)) {
        let spans: Vec<_> = spans.into_iter().map(|(first, len)| Span { first, last: first + len }).collect();
        let merged = merge_spans(spans.clone());
        for port in 0..400_u16 {
            prop_assert_eq!(spans.iter().any(|s| s.contains(port)), merged.iter().any(|s| s.contains(port)));
        }
        prop_assert!(merged.windows(2).all(|w| w[0].last + 1 < w[1].first));
    }
}

#[test]
fn program_that_uses_a_neighbouring_port_by_default_is_named() {
    let listener = |port, name: Option<&str>| {
        let mut found = listener(Ipv4Addr::LOCALHOST.into(), port);
        match name {
            Some(name) => found.process_mut().unwrap().name = name.to_owned(),
            None => found.owner = SocketOwner::OtherUser,
        }
        found
    };
    let text = |listener: Listener| listener.msg().render(crate::i18n::Lang::english());
    assert_eq!(
        text(listener(18790, Some("python3"))),
        "python3 (pid 7), possibly nanobot or goclaw"
    );
    assert_eq!(
        text(listener(19100, None)),
        "another user’s process, possibly a cell of openclaw fleet"
    );
    assert_eq!(text(listener(19789, Some("python3"))), "python3 (pid 7)");
    let mut dev = planner("dev");
    dev.listeners = vec![listener(19100, Some("docker-proxy"))];
    let check = dev.check(DEV_BASE, &[]);
    let notice = check
        .notices
        .first()
        .expect("a notice")
        .msg()
        .render(crate::i18n::Lang::english());
    assert!(notice.contains("19100") && notice.contains("fleet"), "{notice}");
}
