//! Wrong tokens slow down the address that they come from, and only that one.
//!
//! The first few are free (somebody mistypes); each further one doubles the time before the next is looked
//! at. All programs of this machine share one address, so there the time stays short: a client with a stale
//! token must not lock the others out. A right token clears the address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::i18n::Lang;
use crate::msg;

/// As many wrong ones cost nothing.
const FREE: u32 = 3;
/// What the first one beyond them costs.
const STEP: Duration = Duration::from_millis(250);
/// The most that one costs from elsewhere.
const MOST: Duration = Duration::from_secs(5);
/// The most that one costs from this machine.
const MOST_LOCAL: Duration = Duration::from_secs(1);
/// After as long without a wrong one the address is forgotten.
const FORGET: Duration = Duration::from_mins(5);
/// As many addresses are kept; beyond that the one that was quiet the longest goes.
const ADDRESSES: usize = 1024;

/// Who has shown wrong tokens lately.
#[derive(Debug)]
pub struct Throttle {
    table: Mutex<Table>,
    /// The language of the log.
    lang: Lang,
}

impl Throttle {
    /// Nobody has so far. What it logs is in this language.
    pub fn new(lang: Lang) -> Self {
        Self {
            table: Mutex::default(),
            lang,
        }
    }

    /// How long to wait before a proof from this address is looked at.
    pub fn delay(&self, ip: IpAddr) -> Duration {
        self.table().delay(ip, Instant::now())
    }

    /// A wrong proof came from this address.
    pub fn failed(&self, ip: IpAddr) {
        let failures = self.table().failed(ip, Instant::now());
        // Who and how often, never what was shown.
        let words = msg!("guard.wrong", address = ip, count = failures);
        tracing::warn!(%ip, failures, "{}", words.render(self.lang));
    }

    /// A right proof came from this address.
    pub fn succeeded(&self, ip: IpAddr) {
        self.table().failures.remove(&network(ip));
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many wrong ones came from where, and when the last did.
#[derive(Debug, Default)]
struct Table {
    failures: HashMap<IpAddr, (u32, Instant)>,
}

impl Table {
    fn delay(&self, ip: IpAddr, now: Instant) -> Duration {
        let ip = network(ip);
        let most = if ip.is_loopback() { MOST_LOCAL } else { MOST };
        match self.failures.get(&ip) {
            Some((failures, last)) if now.saturating_duration_since(*last) < FORGET => {
                let doublings = failures.saturating_sub(FREE);
                let factor = if doublings == 0 {
                    0
                } else {
                    1 << (doublings - 1).min(16)
                };
                STEP.saturating_mul(factor).min(most)
            }
            _ => Duration::ZERO,
        }
    }

    fn failed(&mut self, ip: IpAddr, now: Instant) -> u32 {
        let ip = network(ip);
        if self.failures.len() >= ADDRESSES && !self.failures.contains_key(&ip) {
            self.make_room(now);
        }
        let (failures, last) = self.failures.entry(ip).or_insert((0, now));
        if now.saturating_duration_since(*last) >= FORGET {
            *failures = 0;
        }
        *failures = failures.saturating_add(1);
        *last = now;
        *failures
    }

    fn make_room(&mut self, now: Instant) {
        self.failures
            .retain(|_, (_, last)| now.saturating_duration_since(*last) < FORGET);
        if self.failures.len() >= ADDRESSES
            && let Some(quietest) = self.failures.iter().min_by_key(|(_, (_, last))| *last)
        {
            let quietest = *quietest.0;
            self.failures.remove(&quietest);
        }
    }
}

/// The address as one somebody: of IPv6 the network, since whoever has one address there has 2^64.
pub(super) fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) if !ip.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)))
        }
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_are_free_and_then_each_doubles_up_to_a_most() {
        let (mut table, now) = (Table::default(), Instant::now());
        let mut delays = |from: &str| -> Vec<u128> {
            let delay = |_| {
                table.failed(ip(from), now);
                table.delay(ip(from), now).as_millis()
            };
            (0..10).map(delay).collect()
        };
        let far = delays("10.0.0.1");
        assert_eq!(far, [0, 0, 0, 250, 500, 1000, 2000, 4000, 5000, 5000]);
        let near = delays("127.0.0.1");
        assert_eq!(near, [0, 0, 0, 250, 500, 1000, 1000, 1000, 1000, 1000]);
    }

    #[test]
    fn any_number_of_wrong_ones_is_counted_without_overflow() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.failures.insert(ip("10.0.0.1"), (u32::MAX, now));
        assert_eq!(table.failed(ip("10.0.0.1"), now), u32::MAX);
        assert_eq!(table.delay(ip("10.0.0.1"), now), MOST);
    }

    #[test]
    fn only_the_address_itself_is_slowed_down() {
        let (mut table, now) = (Table::default(), Instant::now());
        for _ in 0..9 {
            table.failed(ip("10.0.0.1"), now);
            table.failed(ip("2001:db8::1"), now);
        }
        assert_eq!(table.delay(ip("10.0.0.2"), now), Duration::ZERO);
        assert_eq!(
            table.delay(ip("::ffff:10.0.0.1"), now),
            MOST,
            "the same, written otherwise"
        );
        assert_eq!(table.delay(ip("2001:db8::ffff"), now), MOST, "the same network");
        assert_eq!(table.delay(ip("2001:db8:0:1::1"), now), Duration::ZERO);
    }

    #[test]
    fn it_is_forgotten_in_time_and_by_a_right_one() {
        let (mut table, now) = (Table::default(), Instant::now());
        for _ in 0..9 {
            table.failed(ip("10.0.0.1"), now);
        }
        let later = now + FORGET;
        assert_eq!(table.delay(ip("10.0.0.1"), later), Duration::ZERO);
        assert_eq!(table.failed(ip("10.0.0.1"), later), 1);

        let throttle = Throttle::new(Lang::english());
        for _ in 0..9 {
            throttle.failed(ip("10.0.0.1"));
        }
        assert_eq!(throttle.delay(ip("10.0.0.1")), MOST);
        throttle.succeeded(ip("10.0.0.1"));
        assert_eq!(throttle.delay(ip("10.0.0.1")), Duration::ZERO);
    }

    #[test]
    fn memory_is_bounded_and_the_quietest_goes_first() {
        let (mut table, now) = (Table::default(), Instant::now());
        let bits = u32::try_from(ADDRESSES).unwrap() + 9;
        for n in 0..bits {
            let from = IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n));
            table.failed(from, now + Duration::from_millis(n.into()));
        }
        assert_eq!(table.failures.len(), ADDRESSES);
        assert!(!table.failures.contains_key(&ip("10.0.0.0")));
        assert!(table.failures.contains_key(&ip("10.0.0.9")));
    }
}
