//! Keys that a provider refused are left alone for a while, so that a wrong key is not tried with every message: a minute,
//! then five times as long with each further refusal up to an hour, as OpenClaw does.

use std::time::Duration;

use tokio::time::Instant;

use crate::secret::Secret;

/// The time for which a key is left alone after its first refusal.
const FIRST: Duration = Duration::from_mins(1);
/// The longest time for which a key is left alone.
const LONGEST: Duration = Duration::from_hours(1);

/// A key that was refused.
struct CoolDown {
    provider: String,
    /// The key; `None` for a server without one.
    key: Option<Secret>,
    refusals: u32,
    until: Instant,
}

/// The keys that were refused, and until when each is left alone. They are kept in memory only.
#[derive(Default)]
pub(super) struct CoolDowns(Vec<CoolDown>);

impl CoolDowns {
    /// Returns the time for which a key is still left alone.
    pub(super) fn time_left(&self, provider: &str, key: Option<&Secret>, now: Instant) -> Option<Duration> {
        let known = self.0.iter().find(|known| known.is_of(provider, key))?;
        let left = known.until.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Leaves a key alone from now on: for as long as the provider asks, else longer with each refusal.
    pub(super) fn refuse(
        &mut self,
        provider: &str,
        key: Option<&Secret>,
        asked: Option<Duration>,
        now: Instant,
    ) {
        let at = self.0.iter().position(|known| known.is_of(provider, key));
        let at = at.unwrap_or_else(|| {
            self.0.push(CoolDown {
                provider: provider.to_owned(),
                key: key.cloned(),
                refusals: 0,
                until: now,
            });
            self.0.len() - 1
        });
        let known = &mut self.0[at];
        let usual = FIRST.saturating_mul(5_u32.pow(known.refusals.min(3)));
        known.refusals += 1;
        known.until = now + asked.unwrap_or(usual).min(LONGEST);
    }

    /// Forgets the refusals of a key that was accepted.
    pub(super) fn accept(&mut self, provider: &str, key: Option<&Secret>) {
        self.0.retain(|known| !known.is_of(provider, key));
    }

    /// Forgets every key that is not there any more.
    pub(super) fn retain(&mut self, is_there: impl Fn(&str, Option<&Secret>) -> bool) {
        self.0
            .retain(|known| is_there(&known.provider, known.key.as_ref()));
    }
}

impl CoolDown {
    fn is_of(&self, provider: &str, key: Option<&Secret>) -> bool {
        self.provider == provider && self.key.as_ref() == key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_key_is_left_alone_longer_each_time_until_it_is_accepted() {
        let (key, other) = (Secret::new("a"), Secret::new("b"));
        let now = Instant::now();
        let mut cool_downs = CoolDowns::default();
        let mut minutes = Vec::new();
        for _ in 0..5 {
            cool_downs.refuse("x", Some(&key), None, now);
            minutes.push(cool_downs.time_left("x", Some(&key), now).unwrap().as_secs() / 60);
        }
        assert_eq!(minutes, [1, 5, 25, 60, 60]);
        assert_eq!(cool_downs.time_left("x", Some(&other), now), None);
        assert_eq!(cool_downs.time_left("y", Some(&key), now), None);
        assert_eq!(cool_downs.time_left("x", Some(&key), now + LONGEST), None);
        cool_downs.accept("x", Some(&key));
        cool_downs.refuse("x", Some(&key), Some(Duration::from_secs(7)), now);
        assert_eq!(
            cool_downs.time_left("x", Some(&key), now),
            Some(Duration::from_secs(7))
        );
        cool_downs.retain(|_, key| key == Some(&other));
        assert_eq!(cool_downs.time_left("x", Some(&key), now), None);
    }
}
