//! Reads and enables lingering: with it, systemd's manager of a user runs on after the user's last session. Without it,
//! a gateway ends ten seconds after logout (docs/openclaw.md#lingering). Lingering is changed only on request, and the
//! state that is reported afterwards is read again.

use super::manager::ManagerKind;
use super::systemd::{self, Systemd};
use crate::i18n::{Msg, msg};
use crate::instance::InstanceContext;

/// Returns the note that Windows stops an idle WSL, and the services in it, in spite of systemd's lingering; `None`
/// outside WSL.
pub(crate) fn wsl_idle_note() -> Option<Msg> {
    systemd::is_wsl().then(|| msg!("service.wsl-idle"))
}

/// The state of systemd's lingering, which keeps services running without a login, for this user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linger {
    /// Services run on after logout and start at boot.
    On,
    /// Services start at login and end after logout.
    Off,
    /// The system did not tell whether lingering is on.
    Unknown,
    /// The system has no lingering: it has no systemd.
    Unsupported,
}

impl Linger {
    /// Returns whether systemd's lingering is on for this user, as `--json` has it; `None` where that is not known.
    pub(crate) fn is_on(self) -> Option<bool> {
        match self {
            Self::On => Some(true),
            Self::Off => Some(false),
            Self::Unknown | Self::Unsupported => None,
        }
    }
}

/// Reads whether systemd's lingering, which keeps services running without a login, is on for this user. Takes at
/// most two seconds.
pub(crate) fn linger(context: InstanceContext<'_>) -> Linger {
    let Some(uid) = user_id(context) else {
        return Linger::Unsupported;
    };
    let Some(output) = Systemd::new(context).loginctl(&["show-user", &uid, "--property=Linger"]) else {
        return Linger::Unknown;
    };
    if output.stderr.contains("not logged in or lingering") {
        return Linger::Off;
    }
    match output.stdout.trim() {
        "Linger=yes" => Linger::On,
        "Linger=no" => Linger::Off,
        _ => Linger::Unknown,
    }
}

/// Tries to enable lingering of the user's services after logout, without asking for a password, and returns the
/// state of lingering afterwards.
pub(crate) fn enable_linger(context: InstanceContext<'_>) -> Linger {
    if let Some(uid) = user_id(context) {
        // Its exit code is ignored, because the state is read again.
        let _ = Systemd::new(context).loginctl(&["--no-ask-password", "enable-linger", &uid]);
    }
    linger(context)
}

/// Returns the id of this user, on systems with systemd.
fn user_id(context: InstanceContext<'_>) -> Option<String> {
    if ManagerKind::of_this_system() != ManagerKind::Systemd {
        return None;
    }
    Some(context.host.user_id()?.to_string())
}
