//! Notifications to systemd, where it started the gateway: ready, alive, stopping, and a status line. On other
//! systems they do nothing.

use std::time::Duration;

/// Reports that the gateway serves, with a status line.
pub(crate) fn ready(status: &str) {
    system::ready(status);
}

/// Sets the status line that `systemctl status` shows.
pub(crate) fn status(status: &str) {
    system::status(status);
}

/// Reports to systemd that the gateway stops.
pub(crate) fn stopping() {
    system::stopping();
}

/// Reports at half the watchdog interval that the async thread is not blocked. Returns at once where systemd
/// set no interval.
pub(crate) async fn run_watchdog() {
    let Some(interval) = system::watchdog_interval() else {
        return;
    };
    let mut ticks = tokio::time::interval((interval / 2).max(Duration::from_millis(1)));
    loop {
        ticks.tick().await;
        system::alive();
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::time::Duration;

    use sd_notify::NotifyState;

    /// Sends notifications to the socket that systemd named in the environment.
    fn notify(state: &[NotifyState<'_>]) {
        // The gateway runs the same whether or not anybody receives this.
        let _ = sd_notify::notify(state);
    }

    pub(super) fn ready(status: &str) {
        notify(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    pub(super) fn status(status: &str) {
        notify(&[NotifyState::Status(status)]);
    }

    pub(super) fn stopping() {
        notify(&[NotifyState::Stopping]);
    }

    pub(super) fn alive() {
        notify(&[NotifyState::Watchdog]);
    }

    pub(super) fn watchdog_interval() -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn ready(_status: &str) {}

    pub(super) fn status(_status: &str) {}

    pub(super) fn stopping() {}

    pub(super) fn alive() {}

    pub(super) fn watchdog_interval() -> Option<std::time::Duration> {
        None
    }
}
