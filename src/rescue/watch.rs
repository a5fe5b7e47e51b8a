//! Watches other gateways and repairs them: a short outage is waited out, a long one is not.
//!
//! When to act is decided by [`Watch`], which is pure; [`rounds`] looks and acts, for the command line and
//! as a task of a rescue gateway alike.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::diagnose::{self, Cause};
use super::evidence;
use super::ladder;
use super::repair::{self, Mission};
use crate::boot;
use crate::environment::Environment;
use crate::host::Host;
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::probe::{self, Verdict};
use crate::profile::ProfileName;
use crate::record;
use crate::survey;

/// How long a watched gateway has to answer.
const LIMIT: Duration = Duration::from_secs(3);

/// How a watcher goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How often a watched gateway is looked at.
    pub interval: Duration,
    /// How long it may be unwell before it is repaired: a restart, an upgrade, a slow moment.
    pub patience: Duration,
    /// How long it is left alone after a repair that did not help.
    pub rest: Duration,
}

impl Pace {
    /// As the rescuer's record says, in seconds: what is missing is 10, 30 and 300; what is out of bounds
    /// is brought to the nearest bound, so that no watcher spins and none sleeps for ever.
    pub fn of(record: &record::Rescue) -> Self {
        let seconds = |said: Option<u64>, usual: u64, least: u64, most: u64| {
            Duration::from_secs(said.unwrap_or(usual).clamp(least, most))
        };
        Self {
            interval: seconds(record.interval, 10, 1, 3600),
            patience: seconds(record.patience, 30, 0, 3600),
            rest: seconds(record.rest, 300, 10, 86_400),
        }
    }
}

/// Who watches.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    /// The outside world.
    pub host: &'a Host,
    /// What its environment wishes.
    pub env: &'a Environment,
    /// Whose gateway, or command line, it is.
    pub rescuer: &'a Instance,
    /// How it goes about it.
    pub pace: Pace,
    /// Tells the watch to end.
    pub end: &'a End,
}

/// How a watch is told to end, from another thread: a repair on its way begins no further step.
#[derive(Debug, Default)]
pub struct End {
    told: AtomicBool,
    asleep: Mutex<()>,
    wake: Condvar,
}

impl End {
    /// Tells it; says whether it had been told before.
    pub fn tell(&self) -> bool {
        let _asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        let was_told = self.told.swap(true, Ordering::Relaxed);
        self.wake.notify_all();
        was_told
    }

    /// Waits; says whether the watch goes on.
    fn sleep(&self, time: Duration) -> bool {
        let asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_on = |(): &mut ()| !self.told.load(Ordering::Relaxed);
        let woken = self.wake.wait_timeout_while(asleep, time, goes_on);
        woken.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

/// What is known of one watched gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Watch {
    /// Not looked at yet.
    #[default]
    Unknown,
    /// There is no such profile, or none that can be watched.
    Absent,
    /// It was well.
    Well,
    /// It is not well since this time, in this watcher's own clock.
    Unwell(Duration),
    /// It was repaired in vain, and is left alone until this time.
    Resting(Duration),
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    Wait,
    /// It came back by itself.
    Recovered,
    /// It went: worth a line in the log.
    Lost,
    /// Repair it.
    Repair,
}

impl Watch {
    /// Takes a look into account. `now` runs from the watcher's start.
    pub fn look(&mut self, now: Duration, verdict: &Verdict, patience: Duration) -> Act {
        if *verdict == Verdict::Healthy {
            let was = std::mem::replace(self, Self::Well);
            return match was {
                Self::Unwell(_) | Self::Resting(_) => Act::Recovered,
                Self::Unknown | Self::Absent | Self::Well => Act::Wait,
            };
        }
        match *self {
            Self::Unknown | Self::Absent | Self::Well => {
                *self = Self::Unwell(now);
                Act::Lost
            }
            Self::Unwell(since) if now.saturating_sub(since) >= patience => Act::Repair,
            Self::Resting(until) if now >= until => Act::Repair,
            Self::Unwell(_) | Self::Resting(_) => Act::Wait,
        }
    }

    /// Takes a repair into account.
    pub fn repaired(&mut self, now: Duration, healthy: bool, rest: Duration) {
        *self = if healthy {
            Self::Well
        } else {
            Self::Resting(now + rest)
        };
    }
}

/// What a watcher has to say of one watched gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The first look: it is well.
    Watching,
    /// It is not well any more: the causes' first.
    Lost(Option<Cause>),
    /// It came back by itself.
    Recovered,
    /// It is being repaired.
    Repairing,
    /// It was repaired and is well.
    Repaired,
    /// It was repaired in vain, or must not be repaired now: why, where that is known.
    InVain(Option<Msg>),
    /// It can't be watched: why. It is looked for again in each round.
    Absent(Msg),
}

impl News {
    /// The stable name, for answers and pages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Watching => "watching",
            Self::Lost(_) => "lost",
            Self::Recovered => "recovered",
            Self::Repairing => "repairing",
            Self::Repaired => "repaired",
            Self::InVain(_) => "in-vain",
            Self::Absent(_) => "absent",
        }
    }

    /// Whether the gateway is well, as far as this news goes.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Watching | Self::Recovered | Self::Repaired)
    }

    /// The sentence for log and screen.
    pub fn msg(&self, name: &ProfileName) -> Msg {
        let because = |why: Option<Msg>, with: &'static str, without: &'static str| match why {
            Some(why) => Msg::new(with).with("profile", name).with_msg("why", why),
            None => Msg::new(without).with("profile", name),
        };
        match self {
            Self::Watching => msg!("rescue.watching", profile = name),
            Self::Lost(cause) => {
                let why = cause.as_ref().map(Cause::msg);
                because(why, "rescue.lost-because", "rescue.lost")
            }
            Self::Recovered => msg!("rescue.recovered", profile = name),
            Self::Repairing => msg!("rescue.repairing", profile = name),
            Self::Repaired => msg!("rescue.repaired", profile = name),
            Self::InVain(why) => because(
                why.clone(),
                "rescue.watch-in-vain-because",
                "rescue.watch-in-vain",
            ),
            Self::Absent(why) => Msg::new("rescue.not-watched")
                .with("profile", name)
                .with_msg("why", why.clone()),
        }
    }
}

/// Watches these profiles until it is told to end.
pub fn rounds(post: &Post<'_>, names: &[ProfileName], tell: &mut dyn FnMut(&ProfileName, News)) {
    let start = Instant::now();
    let mut watches: Vec<_> = names.iter().map(|name| (name, Watch::default())).collect();
    loop {
        for (name, watch) in &mut watches {
            let survey = survey::take(post.host, post.env);
            match super::target(post.env, &survey, post.rescuer, name) {
                Ok(target) => round(post, &target, watch, start, &mut |news| tell(name, news)),
                Err(error) if *watch != Watch::Absent => {
                    *watch = Watch::Absent;
                    tell(name, News::Absent(error.msg));
                }
                Err(_) => {}
            }
        }
        if !post.end.sleep(post.pace.interval) {
            return;
        }
    }
}

/// Looks at one gateway, and does what is to be done.
fn round(post: &Post<'_>, target: &Instance, watch: &mut Watch, start: Instant, tell: &mut dyn FnMut(News)) {
    let (host, env) = (post.host, post.env);
    let is_new = matches!(watch, Watch::Unknown | Watch::Absent);
    let probe = probe::instance(host, env, target, LIMIT);
    match watch.look(start.elapsed(), &probe.verdict, post.pace.patience) {
        Act::Wait if is_new => {
            // Its config may have been changed since it started: one that is kept already is the better one.
            if !target.last_good_path().exists() {
                boot::remember(host, env, target);
            }
            tell(News::Watching);
        }
        Act::Wait => {}
        Act::Recovered => {
            boot::remember(host, env, target);
            tell(News::Recovered);
        }
        Act::Lost => {
            let causes = diagnose::causes(&evidence::gather(host, env, target));
            tell(News::Lost(causes.into_iter().next()));
        }
        Act::Repair => {
            tell(News::Repairing);
            let mended = mend(post, target);
            watch.repaired(start.elapsed(), mended.is_ok(), post.pace.rest);
            tell(match mended {
                Ok(()) => News::Repaired,
                Err(why) => News::InVain(why),
            });
        }
    }
}

/// Repairs a watched gateway, within the limits; else says why it is not well, or not repaired.
fn mend(post: &Post<'_>, target: &Instance) -> Result<(), Option<Msg>> {
    let (host, env, rescuer) = (post.host, post.env, post.rescuer);
    let seen = evidence::gather(host, env, target);
    let causes = diagnose::causes(&seen);
    let Some(first) = causes.first().map(Cause::msg) else {
        return if seen.probe.is_healthy() {
            Ok(())
        } else {
            Err(None)
        };
    };
    let steps = ladder::steps(&seen, &causes);
    if steps.is_empty() {
        return Err(Some(first));
    }
    let mission = Mission {
        host,
        env,
        rescuer,
        target,
        watched: true,
        forced: false,
        over: &post.end.told,
    };
    match repair::carry_out(&mission, &seen, &causes, &steps, &mut |_| {}) {
        Ok(report) if report.healthy => Ok(()),
        Ok(_) => Err(Some(first)),
        Err(error) => Err(Some(error.msg)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const PATIENCE: Duration = Duration::from_secs(30);
    const REST: Duration = Duration::from_mins(5);

    #[test]
    fn the_pace_has_its_usual_values_and_its_bounds() {
        let pace = |interval, patience, rest| {
            Pace::of(&record::Rescue {
                watch: Vec::new(),
                interval,
                patience,
                rest,
            })
        };
        let of = |interval, patience, rest| Pace {
            interval: at(interval),
            patience: at(patience),
            rest: at(rest),
        };
        assert_eq!(pace(None, None, None), of(10, 30, 300));
        assert_eq!(pace(Some(0), Some(0), Some(0)), of(1, 0, 10));
        let most = Some(u64::MAX);
        assert_eq!(pace(most, most, most), of(3600, 3600, 86_400));
        assert_eq!(pace(Some(2), Some(3), Some(60)), of(2, 3, 60));
    }

    #[test]
    fn a_watch_that_is_told_to_end_sleeps_no_more() {
        let end = End::default();
        assert!(end.sleep(Duration::from_millis(1)));
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| end.sleep(Duration::from_hours(1)));
            assert!(!end.tell());
            assert!(!sleeper.join().unwrap());
        });
        assert!(end.tell());
    }

    #[test]
    fn a_short_outage_is_waited_out() {
        let mut watch = Watch::default();
        assert_eq!(watch.look(at(0), &Verdict::Healthy, PATIENCE), Act::Wait);
        assert_eq!(watch.look(at(10), &Verdict::NotRunning, PATIENCE), Act::Lost);
        assert_eq!(watch.look(at(39), &Verdict::Slow, PATIENCE), Act::Wait);
        assert_eq!(watch.look(at(40), &Verdict::Healthy, PATIENCE), Act::Recovered);
        assert_eq!(watch.look(at(50), &Verdict::Healthy, PATIENCE), Act::Wait);
    }

    #[test]
    fn a_long_one_is_repaired_and_a_repair_in_vain_is_followed_by_rest() {
        let mut watch = Watch::default();
        watch.look(at(0), &Verdict::NotRunning, PATIENCE);
        assert_eq!(watch.look(at(30), &Verdict::NotRunning, PATIENCE), Act::Repair);
        watch.repaired(at(45), false, REST);
        assert_eq!(watch.look(at(60), &Verdict::NotRunning, PATIENCE), Act::Wait);
        assert_eq!(watch.look(at(345), &Verdict::NotRunning, PATIENCE), Act::Repair);
        watch.repaired(at(350), true, REST);
        assert_eq!(watch.look(at(360), &Verdict::NotRunning, PATIENCE), Act::Lost);
    }
}
