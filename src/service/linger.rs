//! Lingering: whether the manager of a user outlives the user's last session. Without it a gateway ends
//! ten seconds after logout (docs/openclaw.md#lingering). It is read, changed only on wish, and read again: what is
//! reported is what was seen.

use super::systemd::Systemd;
use super::{Kind, Site};
use crate::environment::Environment;
use crate::host::Host;
use crate::i18n::{Msg, msg};
use crate::instance::Instance;

/// What an administrator, or who may, switches it on with.
pub const LINGER_COMMAND: &str = "sudo loginctl enable-linger \"$(id -un)\"";

/// What else ends services of this user: Windows ends an idle WSL, whatever lingering says.
pub fn idle_note() -> Option<Msg> {
    super::systemd::is_wsl().then(|| msg!("service.wsl-idle"))
}

/// What is known of lingering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linger {
    /// Services go on after logout and start at boot.
    On,
    /// They start at login and end after logout.
    Off,
    /// Nobody could tell.
    Unknown,
    /// This system knows no such thing.
    Foreign,
}

impl Linger {
    /// For `--json`: `null` where it is not known.
    pub fn known(self) -> Option<bool> {
        match self {
            Self::On => Some(true),
            Self::Off => Some(false),
            Self::Unknown | Self::Foreign => None,
        }
    }
}

/// Reads it. At most two seconds.
pub fn linger(host: &Host, env: &Environment, instance: &Instance) -> Linger {
    let Some((systemd, uid)) = asked(host, env, instance) else {
        return Linger::Foreign;
    };
    let Some(ended) = systemd.loginctl(&["show-user", &uid, "--property=Linger"]) else {
        return Linger::Unknown;
    };
    if ended.stderr.contains("not logged in or lingering") {
        return Linger::Off;
    }
    match ended.stdout.trim() {
        "Linger=yes" => Linger::On,
        "Linger=no" => Linger::Off,
        _ => Linger::Unknown,
    }
}

/// Tries to switch it on, without asking for a password, and reads it again.
pub fn enable_linger(host: &Host, env: &Environment, instance: &Instance) -> Linger {
    if let Some((systemd, uid)) = asked(host, env, instance) {
        // What it says of itself is not what counts.
        let _ = systemd.loginctl(&["--no-ask-password", "enable-linger", &uid]);
    }
    linger(host, env, instance)
}

fn asked<'a>(host: &'a Host, env: &'a Environment, instance: &'a Instance) -> Option<(Systemd<'a>, String)> {
    if Kind::of_host() != Kind::Systemd {
        return None;
    }
    let uid = host.user_id()?.to_string();
    Some((Systemd::new(Site { host, env, instance }), uid))
}
