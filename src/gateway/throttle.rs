//! Wrong tokens slow down the address that they come from, and only that one.
//!
//! The first few are free (somebody mistypes); each further one doubles the time before the next is looked
//! at. What comes from elsewhere waits in line: many connections guess no faster than one. All programs of
//! this machine share one address, so there nobody waits for another, and the time stays short: a client
//! with a stale token must not lock the others out. A right token clears the address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::i18n::{Lang, msg};

/// As many wrong ones cost nothing.
const FREE: u32 = 3;
/// What the first one beyond them costs.
const STEP: Duration = Duration::from_millis(250);
/// The most that one costs from elsewhere.
const MOST: Duration = Duration::from_secs(5);
/// The most that one costs from this machine.
const MOST_LOCAL: Duration = Duration::from_secs(1);
/// Nobody waits longer for their turn than this: a session has to prove itself within 10 s.
const LINE: Duration = Duration::from_secs(9);
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

    /// Waits until a proof from this address may be looked at. `false` where too many wait before it: then
    /// it is not looked at.
    pub async fn turn(&self, ip: IpAddr) -> bool {
        let wait = self.table().turn(ip, now());
        match wait {
            // Looked at before anything else is: of proofs that come at once, each knows of those before.
            Some(Duration::ZERO) => true,
            Some(wait) => {
                tokio::time::sleep(wait).await;
                true
            }
            None => false,
        }
    }

    /// A wrong proof came from this address.
    pub fn failed(&self, ip: IpAddr) {
        let failures = self.table().failed(ip, now());
        // Who and how often, never what was shown.
        let words = msg!("guard.wrong", address = ip, count = failures);
        tracing::warn!(%ip, failures, "{}", words.render(self.lang));
    }

    /// A right proof came from this address.
    pub fn succeeded(&self, ip: IpAddr) {
        self.table().guesses.remove(&network(ip));
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By the clock that is waited by.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// What is known of an address.
#[derive(Debug)]
struct Guesses {
    /// As many wrong ones came.
    failures: u32,
    /// When the last one did.
    last: Instant,
    /// When the last one in line has its turn.
    line: Instant,
}

impl Guesses {
    /// What the next one costs.
    fn delay(&self, ip: IpAddr, now: Instant) -> Duration {
        let doublings = self.failures.saturating_sub(FREE);
        if doublings == 0 || now.saturating_duration_since(self.last) >= FORGET {
            return Duration::ZERO;
        }
        let most = if ip.is_loopback() { MOST_LOCAL } else { MOST };
        STEP.saturating_mul(1 << (doublings - 1).min(16)).min(most)
    }
}

/// The addresses that wrong ones came from.
#[derive(Debug, Default)]
struct Table {
    guesses: HashMap<IpAddr, Guesses>,
}

impl Table {
    fn turn(&mut self, ip: IpAddr, now: Instant) -> Option<Duration> {
        let ip = network(ip);
        let Some(guesses) = self.guesses.get_mut(&ip) else {
            return Some(Duration::ZERO);
        };
        let delay = guesses.delay(ip, now);
        if delay.is_zero() || ip.is_loopback() {
            return Some(delay);
        }
        let turn = guesses.line.max(now) + delay;
        let wait = turn.saturating_duration_since(now);
        (wait <= LINE).then(|| {
            guesses.line = turn;
            wait
        })
    }

    fn failed(&mut self, ip: IpAddr, now: Instant) -> u32 {
        let ip = network(ip);
        if self.guesses.len() >= ADDRESSES && !self.guesses.contains_key(&ip) {
            self.make_room(now);
        }
        let guesses = self.guesses.entry(ip).or_insert(Guesses {
            failures: 0,
            last: now,
            line: now,
        });
        if now.saturating_duration_since(guesses.last) >= FORGET {
            guesses.failures = 0;
        }
        guesses.failures = guesses.failures.saturating_add(1);
        guesses.last = now;
        guesses.failures
    }

    fn make_room(&mut self, now: Instant) {
        self.guesses
            .retain(|_, guesses| now.saturating_duration_since(guesses.last) < FORGET);
        if self.guesses.len() >= ADDRESSES
            && let Some(quietest) = self.guesses.iter().min_by_key(|(_, guesses)| guesses.last)
        {
            let quietest = *quietest.0;
            self.guesses.remove(&quietest);
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

    fn delay(table: &Table, from: &str, now: Instant) -> Duration {
        let ip = network(ip(from));
        table
            .guesses
            .get(&ip)
            .map_or(Duration::ZERO, |guesses| guesses.delay(ip, now))
    }

    #[test]
    fn the_first_are_free_and_then_each_doubles_up_to_a_most() {
        let (mut table, now) = (Table::default(), Instant::now());
        let mut delays = |from: &str| -> Vec<u128> {
            let failed = |_| {
                table.failed(ip(from), now);
                delay(&table, from, now).as_millis()
            };
            (0..10).map(failed).collect()
        };
        let far = delays("10.0.0.1");
        assert_eq!(far, [0, 0, 0, 250, 500, 1000, 2000, 4000, 5000, 5000]);
        let near = delays("127.0.0.1");
        assert_eq!(near, [0, 0, 0, 250, 500, 1000, 1000, 1000, 1000, 1000]);
    }

    #[test]
    fn many_at_once_guess_no_faster_than_one_and_nobody_waits_for_ever() {
        let (mut table, now) = (Table::default(), Instant::now());
        let mut turns = |from: &str, now: Instant| -> Vec<_> {
            let turns = (0..4).map(|_| table.turn(ip(from), now));
            let turns: Vec<_> = turns.collect();
            table.failed(ip(from), now);
            turns
                .iter()
                .map(|wait| wait.map(|wait| wait.as_millis()))
                .collect()
        };
        for free in 0..4 {
            assert_eq!(turns("10.0.0.1", now), [Some(0); 4], "{free}");
        }
        let queue = [Some(250), Some(500), Some(750), Some(1000)];
        assert_eq!(turns("10.0.0.1", now), queue);
        let queue = [Some(1500), Some(2000), Some(2500), Some(3000)];
        assert_eq!(turns("10.0.0.1", now), queue);
        let queue = [Some(4000), Some(5000), Some(6000), Some(7000)];
        assert_eq!(turns("10.0.0.1", now), queue);
        assert_eq!(turns("10.0.0.1", now), [Some(9000), None, None, None]);
        let later = now + Duration::from_secs(9);
        assert_eq!(turns("10.0.0.1", later), [Some(4000), Some(8000), None, None]);
        for free in 0..4 {
            assert_eq!(turns("127.0.0.1", now), [Some(0); 4], "{free}");
        }
        assert_eq!(
            turns("127.0.0.1", now),
            [Some(250); 4],
            "all programs of this machine"
        );
    }

    #[test]
    fn any_number_of_wrong_ones_is_counted_without_overflow() {
        let (mut table, now) = (Table::default(), Instant::now());
        let (failures, last, line) = (u32::MAX, now, now);
        table
            .guesses
            .insert(ip("10.0.0.1"), Guesses { failures, last, line });
        assert_eq!(table.failed(ip("10.0.0.1"), now), u32::MAX);
        assert_eq!(delay(&table, "10.0.0.1", now), MOST);
    }

    #[test]
    fn only_the_address_itself_is_slowed_down() {
        let (mut table, now) = (Table::default(), Instant::now());
        for _ in 0..9 {
            table.failed(ip("10.0.0.1"), now);
            table.failed(ip("2001:db8::1"), now);
        }
        assert_eq!(delay(&table, "10.0.0.2", now), Duration::ZERO);
        assert_eq!(
            delay(&table, "::ffff:10.0.0.1", now),
            MOST,
            "the same, written otherwise"
        );
        assert_eq!(delay(&table, "2001:db8::ffff", now), MOST, "the same network");
        assert_eq!(delay(&table, "2001:db8:0:1::1", now), Duration::ZERO);
    }

    #[test]
    fn it_is_forgotten_in_time_and_by_a_right_one() {
        let (mut table, now) = (Table::default(), Instant::now());
        for _ in 0..9 {
            table.failed(ip("10.0.0.1"), now);
        }
        let later = now + FORGET;
        assert_eq!(delay(&table, "10.0.0.1", later), Duration::ZERO);
        assert_eq!(table.failed(ip("10.0.0.1"), later), 1);

        let throttle = Throttle::new(Lang::english());
        for _ in 0..9 {
            throttle.failed(ip("10.0.0.1"));
        }
        assert_eq!(delay(&throttle.table(), "10.0.0.1", now), MOST);
        throttle.succeeded(ip("10.0.0.1"));
        assert_eq!(delay(&throttle.table(), "10.0.0.1", now), Duration::ZERO);
    }

    #[test]
    fn memory_is_bounded_and_the_quietest_goes_first() {
        let (mut table, now) = (Table::default(), Instant::now());
        let bits = u32::try_from(ADDRESSES).unwrap() + 9;
        for n in 0..bits {
            let from = IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n));
            table.failed(from, now + Duration::from_millis(n.into()));
        }
        assert_eq!(table.guesses.len(), ADDRESSES);
        assert!(!table.guesses.contains_key(&ip("10.0.0.0")));
        assert!(table.guesses.contains_key(&ip("10.0.0.9")));
    }
}
