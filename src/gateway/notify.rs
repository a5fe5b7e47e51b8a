//! What systemd is told where it asks: that the gateway is ready, that it still turns, that it stops.

use std::time::Duration;

/// That it serves, and where.
pub fn ready(status: &str) {
    system::ready(status);
}

/// What it does now, for `systemctl status`.
pub fn status(status: &str) {
    system::status(status);
}

/// That it stops.
pub fn stopping() {
    system::stopping();
}

/// Says at half the interval that systemd asks for that this task gets its turn; ends at once where it
/// does not ask.
pub async fn watchdog() {
    let Some(interval) = system::interval() else {
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

    fn tell(state: &[NotifyState<'_>]) {
        // Whether anybody listens is not the gateway's business.
        let _ = sd_notify::notify(state);
    }

    pub(super) fn ready(status: &str) {
        tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    pub(super) fn status(status: &str) {
        tell(&[NotifyState::Status(status)]);
    }

    pub(super) fn stopping() {
        tell(&[NotifyState::Stopping]);
    }

    pub(super) fn alive() {
        tell(&[NotifyState::Watchdog]);
    }

    pub(super) fn interval() -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn ready(_status: &str) {}

    pub(super) fn status(_status: &str) {}

    pub(super) fn stopping() {}

    pub(super) fn alive() {}

    pub(super) fn interval() -> Option<std::time::Duration> {
        None
    }
}
