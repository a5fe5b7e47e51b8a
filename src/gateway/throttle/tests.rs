//! Tests of the limits of failed attempts to authenticate.

use std::net::Ipv4Addr;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn table() -> (FailureTable, Instant) {
    let now = Instant::now();
    (FailureTable::new(now), now)
}

#[test]
fn delay_doubles_after_the_free_attempts_up_to_a_maximum() {
    let (mut table, now) = table();
    let mut delays = |from: &str| -> Vec<u128> {
        let failed = |_| table.record_failure(ip(from), now).as_millis();
        (0..10).map(failed).collect()
    };
    let far = delays("10.0.0.1");
    assert_eq!(far, [0, 0, 0, 250, 500, 1000, 2000, 4000, 5000, 5000]);
    let near = delays("127.0.0.1");
    assert_eq!(near, [0, 0, 0, 250, 500, 1000, 1000, 1000, 1000, 1000]);
}

#[test]
fn rate_of_one_network_is_a_burst_and_then_one_attempt_in_each_interval() {
    let (mut table, now) = table();
    for (from, seconds) in [("10.0.0.1", 5), ("127.0.0.1", 1)] {
        let mut reserve = |after| table.reserve(ip(from), now + Duration::from_secs(after));
        for _ in 0..10 {
            assert_eq!(reserve(0), Ok(()), "{from}");
        }
        assert_eq!(reserve(0), Err(Duration::from_secs(seconds)), "{from}");
        assert_eq!(reserve(seconds), Ok(()), "{from}");
        assert_eq!(reserve(seconds), Err(Duration::from_secs(seconds)), "{from}");
    }
    assert_eq!(table.reserve(ip("10.0.0.2"), now), Ok(()), "another network");
}

#[test]
fn rate_of_all_networks_is_limited_and_loopback_is_not_part_of_it() {
    let (mut table, now) = table();
    let mut reserve = |n: u32| table.reserve(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n)), now);
    let passed = (0..1000).filter(|n| reserve(*n).is_ok()).count();
    assert_eq!(passed, 100);
    assert_eq!(table.reserve(ip("127.0.0.1"), now), Ok(()));
}

#[test]
fn network_over_its_own_rate_takes_nothing_from_the_others() {
    let (mut table, now) = table();
    let passed = (0..1000).filter(|_| table.reserve(ip("10.0.0.1"), now).is_ok());
    assert_eq!(passed.count(), 10);
    let others = (2..200).map(|n| ip(&format!("10.0.0.{n}")));
    let others: Vec<_> = others.collect();
    let passed = others.iter().filter(|other| table.reserve(**other, now).is_ok());
    assert_eq!(passed.count(), 90);
}

#[test]
fn failure_count_saturates() {
    let (mut table, now) = table();
    table.record_failure(ip("10.0.0.1"), now);
    table.failures(ip("10.0.0.1"), now).count = u32::MAX;
    assert_eq!(table.record_failure(ip("10.0.0.1"), now), MAX_REMOTE_DELAY);
}

#[test]
fn only_the_network_of_the_failures_is_delayed() {
    let (mut table, now) = table();
    for _ in 0..9 {
        table.record_failure(ip("10.0.0.1"), now);
        table.record_failure(ip("2001:db8::1"), now);
        table.record_failure(ip("127.0.0.1"), now);
    }
    let mut delay = |from: &str| table.record_failure(ip(from), now);
    assert_eq!(delay("10.0.0.2"), Duration::ZERO);
    let mapped = delay("::ffff:10.0.0.1");
    assert_eq!(mapped, MAX_REMOTE_DELAY, "the same address, mapped into IPv6");
    assert_eq!(delay("2001:db8::ffff"), MAX_REMOTE_DELAY, "the same network");
    assert_eq!(delay("2001:db8:0:1::1"), Duration::ZERO);
    assert_eq!(delay("127.9.9.9"), MAX_LOCAL_DELAY, "loopback is one network");
    assert_eq!(delay("::1"), MAX_LOCAL_DELAY, "in IPv6 as well");
}

#[test]
fn delays_end_after_a_while_and_after_a_success() {
    let (mut table, now) = table();
    for _ in 0..9 {
        table.record_failure(ip("10.0.0.1"), now);
    }
    let later = now + FORGET_AFTER;
    assert_eq!(table.record_failure(ip("10.0.0.1"), later), Duration::ZERO);
    for _ in 0..9 {
        table.record_failure(ip("10.0.0.1"), later);
    }
    table.record_success(ip("10.0.0.1"), false);
    assert_eq!(table.record_failure(ip("10.0.0.1"), later), Duration::ZERO);
}

#[test]
fn right_attempt_uses_up_nothing_and_gives_nothing_to_a_guesser() {
    let (mut table, now) = table();
    for _ in 0..1000 {
        assert_eq!(table.reserve(ip("10.0.0.1"), now), Ok(()));
        table.record_success(ip("10.0.0.1"), true);
    }
    let passed = (0..100).filter(|_| table.reserve(ip("10.0.0.1"), now).is_ok());
    assert_eq!(passed.count(), 10);
    table.record_success(ip("10.0.0.1"), false);
    assert!(table.reserve(ip("10.0.0.1"), now).is_err());
}

#[test]
fn number_of_networks_is_bounded_and_the_oldest_failure_is_forgotten_first() {
    let (mut table, now) = table();
    let count = u32::try_from(MAX_NETWORKS).unwrap() + 9;
    for n in 0..count {
        let from = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n));
        table.record_failure(from, now + Duration::from_millis(n.into()));
    }
    assert_eq!(table.networks.len(), MAX_NETWORKS);
    assert!(!table.networks.contains_key(&ip("10.0.0.0")));
    assert!(table.networks.contains_key(&ip("10.0.0.9")));
}
