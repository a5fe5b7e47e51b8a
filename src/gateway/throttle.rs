//! The limits of attempts to authenticate with wrong credentials, for each client network and for all of them.
//!
//! Credentials are compared first: a right token is accepted at once, however many wrong ones come from the same
//! address, since a proxy or a router may stand for many people. Only the answer to wrong ones is slow, and beyond
//! a rate it says that there were too many. Then a guesser learns of each guess at once, so this holds only for
//! secrets that are long enough to be safe at any rate. Of a short one only so many guesses are compared, and the
//! rest is told to come back later, the right one too.
//!
//! All programs on this machine are one network with limits of its own: no flood from elsewhere reaches it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::access::AuthOutcome;
use super::client_network::client_network;
use super::refusal_log::RefusalLog;
use crate::i18n::Lang;
use crate::sync::lock;

/// Number of failed attempts to authenticate that a client network may make without a delay.
const FREE_ATTEMPTS: u32 = 3;
/// Delay of the answer to a client network's first failed attempt to authenticate that is not free; it doubles with
/// each further one.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// Maximum delay of the answer to a failed attempt to authenticate from another machine. Shorter than the time that a
/// session has for its handshake.
const MAX_REMOTE_DELAY: Duration = Duration::from_secs(5);
/// Maximum delay of the answer to a failed attempt to authenticate from this machine.
const MAX_LOCAL_DELAY: Duration = Duration::from_secs(1);
/// Time without a failed attempt to authenticate after which a client network is forgotten.
const FORGET_AFTER: Duration = Duration::from_mins(5);
/// Maximum number of client networks whose failed attempts to authenticate are remembered; beyond it the one with the
/// oldest failure is forgotten.
const MAX_NETWORKS: usize = 1024;

/// Rate of failed attempts to authenticate from one network of other machines.
const REMOTE_RATE: AttemptRate = AttemptRate {
    burst: 10,
    interval: Duration::from_secs(5),
};
/// Rate of failed attempts to authenticate from this machine: a client with a stale token that tries again and again
/// leaves room for others.
const LOCAL_RATE: AttemptRate = AttemptRate {
    burst: 10,
    interval: Duration::from_secs(1),
};
/// Rate of failed attempts to authenticate from all other machines together.
const ALL_REMOTE_RATE: AttemptRate = AttemptRate {
    burst: 100,
    interval: Duration::from_millis(100),
};

/// A limit of failed attempts to authenticate: some at once, and then one in each interval.
#[derive(Clone, Copy, Debug)]
struct AttemptRate {
    burst: u32,
    interval: Duration,
}

/// The part of a rate of failed attempts that is used up (the generic cell rate algorithm: one point in time instead of
/// a counter and a timer).
#[derive(Clone, Copy, Debug)]
struct UsedRate {
    /// The time at which the whole burst is free again.
    full_at: Instant,
}

impl UsedRate {
    /// Takes one failed attempt from a rate.
    ///
    /// # Errors
    /// Nothing is left; with the time until something is.
    fn take(&mut self, rate: AttemptRate, now: Instant) -> Result<(), Duration> {
        let full_at = self.full_at.max(now) + rate.interval;
        let wait = full_at.saturating_duration_since(now + rate.interval * rate.burst);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.full_at = full_at;
        Ok(())
    }

    /// Gives back to a rate an attempt that did not fail.
    fn give_back(&mut self, rate: AttemptRate) {
        self.full_at = self.full_at.checked_sub(rate.interval).unwrap_or(self.full_at);
    }
}

/// The throttle of attempts to authenticate: it limits how many wrong ones are compared and how fast they are answered.
#[derive(Debug)]
pub(crate) struct Throttle {
    table: Mutex<FailureTable>,
    /// The log of the failed attempts and of other refused clients.
    pub(crate) log: RefusalLog,
}

impl Throttle {
    /// Creates a throttle of attempts to authenticate without failures so far, which logs in this language.
    pub(crate) fn new(lang: Lang) -> Self {
        Self {
            table: Mutex::new(FailureTable::new(now())),
            log: RefusalLog::new(lang),
        }
    }

    /// Begins an attempt to authenticate from this IP address, against a secret that is or is not short enough to be
    /// guessed.
    pub(crate) fn begin(&self, ip: IpAddr, is_guessable: bool) -> AuthAttempt<'_> {
        let place = if is_guessable {
            match self.table().reserve(ip, now()) {
                Ok(()) => AttemptPlace::Reserved,
                Err(retry_after) => AttemptPlace::Exceeded(retry_after),
            }
        } else {
            AttemptPlace::Unlimited
        };
        AuthAttempt {
            throttle: self,
            ip,
            place,
        }
    }

    fn table(&self) -> MutexGuard<'_, FailureTable> {
        lock(&self.table)
    }
}

/// The place of an attempt to authenticate within the rates of failed attempts.
#[derive(Clone, Copy, Debug)]
enum AttemptPlace {
    /// The secret can't be guessed: the attempt is compared in any case, and counted if it fails.
    Unlimited,
    /// The attempt is counted already, since the secret could be guessed.
    Reserved,
    /// The rate is used up; with the time until it is not.
    Exceeded(Duration),
}

/// An attempt of a client to authenticate, whose credentials are about to be compared.
#[derive(Debug)]
pub(crate) struct AuthAttempt<'a> {
    throttle: &'a Throttle,
    ip: IpAddr,
    place: AttemptPlace,
}

impl AuthAttempt<'_> {
    /// Returns whether the credentials of the attempt may be compared with the gateway's secret.
    pub(crate) fn may_compare(&self) -> bool {
        !matches!(self.place, AttemptPlace::Exceeded(_))
    }

    /// Records that the credentials of the attempt were right: the failed attempts of its network cause no delay any
    /// more.
    pub(crate) fn succeed(self) {
        let is_reserved = matches!(self.place, AttemptPlace::Reserved);
        self.throttle.table().record_success(self.ip, is_reserved);
    }

    /// Records and logs that the credentials of the attempt were wrong or may not be compared. Returns the outcome for
    /// the client, after the delay that its network has earned.
    pub(crate) async fn fail(self) -> AuthOutcome {
        // Who and how often, never what was shown.
        self.throttle.log.record_wrong_credentials(self.ip);
        let now = now();
        let place = match self.place {
            AttemptPlace::Unlimited => self.throttle.table().reserve(self.ip, now),
            AttemptPlace::Reserved => Ok(()),
            AttemptPlace::Exceeded(retry_after) => Err(retry_after),
        };
        match place {
            Ok(()) => {
                let delay = self.throttle.table().record_failure(self.ip, now);
                tokio::time::sleep(delay).await;
                AuthOutcome::Wrong
            }
            Err(retry_after) => AuthOutcome::TooManyAttempts { retry_after },
        }
    }
}

/// Returns the time of the clock that an [`AuthAttempt`] sleeps by, which tests can pause.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The failed attempts of one client network to authenticate.
#[derive(Debug)]
struct Failures {
    /// The number of failed attempts since the last right one.
    count: u32,
    /// The time of the last attempt.
    last: Instant,
    used: UsedRate,
}

impl Failures {
    /// Returns the delay of the answer to the last failed attempt of a client network.
    fn delay(&self, network: IpAddr) -> Duration {
        let doublings = self.count.saturating_sub(FREE_ATTEMPTS);
        if doublings == 0 {
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

/// Returns the rate of failed attempts that one client network has.
fn rate_of(network: IpAddr) -> AttemptRate {
    if network.is_loopback() {
        LOCAL_RATE
    } else {
        REMOTE_RATE
    }
}

/// The client networks that failed attempts to authenticate came from.
#[derive(Debug)]
struct FailureTable {
    networks: HashMap<IpAddr, Failures>,
    /// The part of [`ALL_REMOTE_RATE`] that is used up.
    all_remote: UsedRate,
}

impl FailureTable {
    fn new(now: Instant) -> Self {
        Self {
            networks: HashMap::new(),
            all_remote: UsedRate { full_at: now },
        }
    }

    /// Takes a failed attempt to authenticate from the rates of its client network and of all.
    ///
    /// # Errors
    /// One of the rates is used up; with the time until it is not.
    fn reserve(&mut self, ip: IpAddr, now: Instant) -> Result<(), Duration> {
        let network = client_network(ip);
        let (mut all_remote, is_local) = (self.all_remote, network.is_loopback());
        if !is_local {
            all_remote.take(ALL_REMOTE_RATE, now)?;
        }
        self.failures(network, now).used.take(rate_of(network), now)?;
        self.all_remote = all_remote;
        Ok(())
    }

    /// Counts a failed attempt to authenticate and returns the delay of its answer.
    fn record_failure(&mut self, ip: IpAddr, now: Instant) -> Duration {
        let network = client_network(ip);
        let failures = self.failures(network, now);
        failures.count = failures.count.saturating_add(1);
        failures.delay(network)
    }

    /// Ends the delays of a client network. What its wrong attempts used up of the rates stays so: otherwise whoever
    /// shares an address with a client could go on guessing after each of its successes.
    fn record_success(&mut self, ip: IpAddr, is_reserved: bool) {
        let network = client_network(ip);
        if let Some(failures) = self.networks.get_mut(&network) {
            failures.count = 0;
            if is_reserved {
                failures.used.give_back(rate_of(network));
            }
        }
        if is_reserved && !network.is_loopback() {
            self.all_remote.give_back(ALL_REMOTE_RATE);
        }
    }

    /// Returns the entry of a client network that makes an attempt to authenticate now.
    fn failures(&mut self, network: IpAddr, now: Instant) -> &mut Failures {
        if self.networks.len() >= MAX_NETWORKS && !self.networks.contains_key(&network) {
            self.make_room(now);
        }
        let failures = self.networks.entry(network).or_insert(Failures {
            count: 0,
            last: now,
            used: UsedRate { full_at: now },
        });
        if now.saturating_duration_since(failures.last) >= FORGET_AFTER {
            failures.count = 0;
        }
        failures.last = now;
        failures
    }

    /// Forgets the client networks whose attempts are old, and where there are none the one with the oldest attempt.
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

#[cfg(test)]
mod tests;
