//! A signal to stop, from another thread, for whoever watches or repairs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::sync::lock;

/// A signal that tells a rescuer to stop watching gateways, and to begin no further step of a repair.
#[derive(Debug, Default)]
pub(crate) struct StopSignal {
    is_set: AtomicBool,
    sleeping: Mutex<()>,
    wake: Condvar,
}

impl StopSignal {
    /// Tells a rescuer to stop, and wakes it if it sleeps. Returns whether it was set before.
    pub(crate) fn set(&self) -> bool {
        let _sleeping = lock(&self.sleeping);
        let was_set = self.is_set.swap(true, Ordering::Relaxed);
        self.wake.notify_all();
        was_set
    }

    /// Returns whether the rescuer has been told to stop.
    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed)
    }

    /// Sleeps until the given time has passed, or until the rescuer is told to stop. Returns whether the time is over
    /// and the signal is not set.
    pub(super) fn sleep(&self, time: Duration) -> bool {
        let sleeping = lock(&self.sleeping);
        let goes_on = |(): &mut ()| !self.is_set();
        let woken = self.wake.wait_timeout_while(sleeping, time, goes_on);
        woken.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signal_wakes_the_sleeper_at_once() {
        let stop = StopSignal::default();
        assert!(stop.sleep(Duration::from_millis(1)));
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| stop.sleep(Duration::from_hours(1)));
            assert!(!stop.set());
            assert!(!sleeper.join().unwrap());
        });
        assert!(stop.set());
    }
}
