//! The delay of attempts to authenticate after wrong credentials, for each client network.
//!
//! The first failures are free, since people mistype; each further one doubles the delay before the next
//! attempt is checked. Attempts from other machines wait in a queue: many connections guess no faster than
//! one. All programs on this machine share one address, so there nobody waits for another, and the delay
//! stays short: a client with a stale token must not lock the others out. A success clears the network.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::i18n::{Lang, msg};
use crate::sync::lock;

/// Number of failed attempts to authenticate that a client network may make without a delay.
const FREE_ATTEMPTS: u32 = 3;
/// Delay after a client network's first failed attempt to authenticate that is not free; it doubles with each further
/// one.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// Maximum delay of one attempt to authenticate from another machine.
const MAX_REMOTE_DELAY: Duration = Duration::from_secs(5);
/// Maximum delay of one attempt to authenticate from this machine.
const MAX_LOCAL_DELAY: Duration = Duration::from_secs(1);
/// Maximum time that an attempt to authenticate waits in the queue of its client network after wrong credentials.
/// Shorter than the time that a session has for its handshake.
const MAX_QUEUE_WAIT: Duration = Duration::from_secs(9);
/// Time without a failed attempt to authenticate after which a client network is forgotten.
const FORGET_AFTER: Duration = Duration::from_mins(5);
/// Maximum number of client networks whose failed attempts to authenticate are remembered; beyond it the one with the
/// oldest failure is forgotten.
const MAX_NETWORKS: usize = 1024;

/// The throttle of attempts to authenticate: it delays each client network by its recent failed attempts.
#[derive(Debug)]
pub(crate) struct Throttle {
    table: Mutex<FailureTable>,
    /// The language of the log.
    lang: Lang,
}

impl Throttle {
    /// Creates a throttle of attempts to authenticate without failures so far, which logs in this language.
    pub(crate) fn new(lang: Lang) -> Self {
        Self {
            table: Mutex::default(),
            lang,
        }
    }

    /// Waits until the credentials of a client from this IP address may be checked. `false` where the queue is too
    /// long: they must not be checked then.
    pub(crate) async fn acquire(&self, ip: IpAddr) -> bool {
        let wait = self.table().reserve(ip, now());
        match wait {
            // Without a yield, so that of attempts at the same moment each knows the failures before it.
            Some(Duration::ZERO) => true,
            Some(wait) => {
                tokio::time::sleep(wait).await;
                true
            }
            None => false,
        }
    }

    /// Records that a client showed wrong credentials from this IP address, and logs it.
    pub(crate) fn record_failure(&self, ip: IpAddr) {
        let failures = self.table().record_failure(ip, now());
        // Who and how often, never what was shown.
        let warning = msg!("guard.wrong", address = ip, count = failures);
        tracing::warn!(%ip, failures, "{}", warning.render(self.lang));
    }

    /// Records that a client showed right credentials from this IP address: the failed attempts of its network are
    /// forgotten.
    pub(crate) fn record_success(&self, ip: IpAddr) {
        self.table().networks.remove(&client_network(ip));
    }

    fn table(&self) -> MutexGuard<'_, FailureTable> {
        lock(&self.table)
    }
}

/// Returns the time of the clock that [`Throttle::acquire`] sleeps by, which tests can pause.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The failed attempts of one client network to authenticate.
#[derive(Debug)]
struct Failures {
    count: u32,
    /// The time of the last failed attempt.
    last: Instant,
    /// The time at which the last attempt in the queue may be checked.
    queue_end: Instant,
}

impl Failures {
    /// Returns the delay of a client network's next attempt to authenticate.
    fn delay(&self, network: IpAddr, now: Instant) -> Duration {
        let doublings = self.count.saturating_sub(FREE_ATTEMPTS);
        if doublings == 0 || now.saturating_duration_since(self.last) >= FORGET_AFTER {
            return Duration::ZERO;
        }
        let max = if network.is_loopback() {
            MAX_LOCAL_DELAY
        } else {
            MAX_REMOTE_DELAY
        };
        FIRST_DELAY.saturating_mul(1 << (doublings - 1).min(16)).min(max)
    }
}

/// The client networks that failed attempts to authenticate came from.
#[derive(Debug, Default)]
struct FailureTable {
    networks: HashMap<IpAddr, Failures>,
}

impl FailureTable {
    /// Reserves the next place in a client network's queue of attempts to authenticate and returns the time until its
    /// turn, or `None` where that is longer than [`MAX_QUEUE_WAIT`].
    fn reserve(&mut self, ip: IpAddr, now: Instant) -> Option<Duration> {
        let network = client_network(ip);
        let Some(failures) = self.networks.get_mut(&network) else {
            return Some(Duration::ZERO);
        };
        let delay = failures.delay(network, now);
        if delay.is_zero() || network.is_loopback() {
            return Some(delay);
        }
        let place = failures.queue_end.max(now) + delay;
        let wait = place.saturating_duration_since(now);
        (wait <= MAX_QUEUE_WAIT).then(|| {
            failures.queue_end = place;
            wait
        })
    }

    /// Counts a failed attempt to authenticate and returns the number of failed attempts of its client network.
    fn record_failure(&mut self, ip: IpAddr, now: Instant) -> u32 {
        let network = client_network(ip);
        if self.networks.len() >= MAX_NETWORKS && !self.networks.contains_key(&network) {
            self.make_room(now);
        }
        let failures = self.networks.entry(network).or_insert(Failures {
            count: 0,
            last: now,
            queue_end: now,
        });
        if now.saturating_duration_since(failures.last) >= FORGET_AFTER {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        failures.count
    }

    /// Forgets the client networks whose failed attempts to authenticate are old, and where there are none the one
    /// with the oldest failure.
    fn make_room(&mut self, now: Instant) {
        self.networks
            .retain(|_, failures| now.saturating_duration_since(failures.last) < FORGET_AFTER);
        if self.networks.len() >= MAX_NETWORKS
            && let Some(oldest) = self.networks.iter().min_by_key(|(_, failures)| failures.last)
        {
            let oldest = *oldest.0;
            self.networks.remove(&oldest);
        }
    }
}

/// Returns the network of an IP address that counts as one client: an IPv4 address itself, and the /64 network of an
/// IPv6 address, since whoever has one address there has 2^64.
pub(crate) fn client_network(ip: IpAddr) -> IpAddr {
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

    fn delay(table: &FailureTable, from: &str, now: Instant) -> Duration {
        let ip = client_network(ip(from));
        table
            .networks
            .get(&ip)
            .map_or(Duration::ZERO, |failures| failures.delay(ip, now))
    }

    #[test]
    fn delay_doubles_after_the_free_attempts_up_to_a_maximum() {
        let (mut table, now) = (FailureTable::default(), Instant::now());
        let mut delays = |from: &str| -> Vec<u128> {
            let failed = |_| {
                table.record_failure(ip(from), now);
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
    fn simultaneous_attempts_queue_up_and_the_queue_is_bounded() {
        let (mut table, now) = (FailureTable::default(), Instant::now());
        let mut waits = |from: &str, now: Instant| -> Vec<_> {
            let waits = (0..4).map(|_| table.reserve(ip(from), now));
            let waits: Vec<_> = waits.collect();
            table.record_failure(ip(from), now);
            waits
                .iter()
                .map(|wait| wait.map(|wait| wait.as_millis()))
                .collect()
        };
        for free in 0..4 {
            assert_eq!(waits("10.0.0.1", now), [Some(0); 4], "{free}");
        }
        let queue = [Some(250), Some(500), Some(750), Some(1000)];
        assert_eq!(waits("10.0.0.1", now), queue);
        let queue = [Some(1500), Some(2000), Some(2500), Some(3000)];
        assert_eq!(waits("10.0.0.1", now), queue);
        let queue = [Some(4000), Some(5000), Some(6000), Some(7000)];
        assert_eq!(waits("10.0.0.1", now), queue);
        assert_eq!(waits("10.0.0.1", now), [Some(9000), None, None, None]);
        let later = now + Duration::from_secs(9);
        assert_eq!(waits("10.0.0.1", later), [Some(4000), Some(8000), None, None]);
        for free in 0..4 {
            assert_eq!(waits("127.0.0.1", now), [Some(0); 4], "{free}");
        }
        assert_eq!(
            waits("127.0.0.1", now),
            [Some(250); 4],
            "all programs of this machine"
        );
    }

    #[test]
    fn failure_count_saturates() {
        let (mut table, now) = (FailureTable::default(), Instant::now());
        let failures = Failures {
            count: u32::MAX,
            last: now,
            queue_end: now,
        };
        table.networks.insert(ip("10.0.0.1"), failures);
        assert_eq!(table.record_failure(ip("10.0.0.1"), now), u32::MAX);
        assert_eq!(delay(&table, "10.0.0.1", now), MAX_REMOTE_DELAY);
    }

    #[test]
    fn only_the_network_of_the_failures_is_delayed() {
        let (mut table, now) = (FailureTable::default(), Instant::now());
        for _ in 0..9 {
            table.record_failure(ip("10.0.0.1"), now);
            table.record_failure(ip("2001:db8::1"), now);
        }
        assert_eq!(delay(&table, "10.0.0.2", now), Duration::ZERO);
        assert_eq!(
            delay(&table, "::ffff:10.0.0.1", now),
            MAX_REMOTE_DELAY,
            "the same address, mapped into IPv6"
        );
        assert_eq!(
            delay(&table, "2001:db8::ffff", now),
            MAX_REMOTE_DELAY,
            "the same network"
        );
        assert_eq!(delay(&table, "2001:db8:0:1::1", now), Duration::ZERO);
    }

    #[test]
    fn failures_are_forgotten_after_a_while_and_after_a_success() {
        let (mut table, now) = (FailureTable::default(), Instant::now());
        for _ in 0..9 {
            table.record_failure(ip("10.0.0.1"), now);
        }
        let later = now + FORGET_AFTER;
        assert_eq!(delay(&table, "10.0.0.1", later), Duration::ZERO);
        assert_eq!(table.record_failure(ip("10.0.0.1"), later), 1);

        let throttle = Throttle::new(Lang::english());
        for _ in 0..9 {
            throttle.record_failure(ip("10.0.0.1"));
        }
        assert_eq!(delay(&throttle.table(), "10.0.0.1", now), MAX_REMOTE_DELAY);
        throttle.record_success(ip("10.0.0.1"));
        assert_eq!(delay(&throttle.table(), "10.0.0.1", now), Duration::ZERO);
    }

    #[test]
    fn number_of_networks_is_bounded_and_the_oldest_failure_is_forgotten_first() {
        let (mut table, now) = (FailureTable::default(), Instant::now());
        let bits = u32::try_from(MAX_NETWORKS).unwrap() + 9;
        for n in 0..bits {
            let from = IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n));
            table.record_failure(from, now + Duration::from_millis(n.into()));
        }
        assert_eq!(table.networks.len(), MAX_NETWORKS);
        assert!(!table.networks.contains_key(&ip("10.0.0.0")));
        assert!(table.networks.contains_key(&ip("10.0.0.9")));
    }
}
