//! Why a service manager did not do what it was asked: each case is its own, with the one command that
//! helps. What a tool wrote is looked at here, in its untranslated words, and nowhere else.

use std::path::Path;

use super::LINGER_COMMAND;
use crate::error::Error;
use crate::host::process::CommandOutput;
use crate::i18n::msg;
use crate::instance::Instance;

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Linux without systemd.
    NoSystemd,
    /// A container, in which no systemd runs.
    Container,
    /// WSL with systemd switched off.
    Wsl,
    /// systemd runs, but no manager of this user does.
    NoBus,
    /// The same, in a shell of `sudo -u` or `su`: this user, by number, never logged in.
    Sudo(u32),
    /// macOS without a graphical session.
    NoGui,
    /// Windows does not let this user register tasks.
    WindowsDenied(String),
    /// The manager refused.
    Denied(String),
    /// The service is masked.
    Masked,
    /// The manager of this account looks for its files under another home folder.
    OtherHome,
    /// The manager did not answer in time.
    TimedOut(String),
    /// The manager's tool is not there.
    NoTool(&'static str),
    /// The new file was refused by the manager.
    BadFile(String),
    /// Anything else, in the tool's words.
    Said(String),
}

impl Trouble {
    /// Whether the service starts at the next login all the same, once its file is there.
    pub(super) fn works_later(&self) -> bool {
        matches!(
            self,
            Self::NoSystemd | Self::Container | Self::Wsl | Self::NoBus | Self::Sudo(_) | Self::NoGui
        )
    }

    /// What `systemctl --user` meant. A lost bus comes before a missing unit: both say "not found".
    pub(super) fn of_systemctl(command: &str, ended: &CommandOutput, around: Surroundings) -> Self {
        let said = ended.stderr.trim();
        let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if ended.timed_out {
            return Self::TimedOut(command.to_owned());
        }
        if has(&["Interactive authentication required", "Access denied"]) {
            return Self::Denied(said.to_owned());
        }
        if has(&[
            "Failed to connect to bus",
            "Failed to connect to user scope bus",
            "Failed to get D-Bus connection",
            "System has not been booted with systemd",
        ]) {
            return around.without_bus();
        }
        if has(&["is masked"]) {
            return Self::Masked;
        }
        Self::Said(said.to_owned())
    }

    /// In words, with the way out. `file` was written and is taken in at the next login.
    pub(super) fn error(&self, instance: &Instance, name: &str, file: Option<&Path>) -> Error {
        let profile = &instance.profile;
        let again = format!("{} gateway install", instance.command());
        let error = match self {
            Self::NoSystemd => Error::failed(msg!("service.no-systemd", profile = profile)).hint(msg!(
                "service.run-it",
                command = format!("{} gateway run", instance.command())
            )),
            Self::Container => Error::failed(msg!("service.container", profile = profile)).hint(msg!(
                "service.run-in-container",
                command = format!("{} gateway run", instance.command())
            )),
            Self::Wsl => Error::failed(msg!("service.wsl", profile = profile)).hint(msg!(
                "service.wsl-way-out",
                command = "printf '[boot]\\nsystemd=true\\n' | sudo tee -a /etc/wsl.conf"
            )),
            Self::NoBus => Error::failed(msg!("service.no-bus", profile = profile))
                .hint(msg!("service.linger-way-out", command = LINGER_COMMAND)),
            // By number: whoever may type it is not this user.
            Self::Sudo(uid) => Error::failed(msg!("service.sudo", profile = profile)).hint(msg!(
                "service.sudo-way-out",
                command = format!("sudo loginctl enable-linger {uid}")
            )),
            Self::NoGui => Error::failed(msg!("service.no-gui", profile = profile))
                .hint(msg!("service.no-gui-way-out", command = again)),
            Self::WindowsDenied(said) => Error::failed(msg!("service.windows-denied", profile = profile))
                .because(anyhow::anyhow!("{said}"))
                .hint(msg!("service.windows-way-out", command = again)),
            Self::Denied(said) => Error::failed(msg!("service.denied", name = name))
                .because(anyhow::anyhow!("{said}"))
                .hint(msg!(
                    "service.look",
                    command = format!("systemctl --user status {name}")
                )),
            Self::Masked => Error::failed(msg!("service.masked", name = name)).hint(msg!(
                "service.unmask",
                command = format!("systemctl --user unmask {name}")
            )),
            Self::OtherHome => Error::failed(msg!("service.other-home", name = name)).hint(msg!(
                "service.other-home-way-out",
                command = "systemctl --user show -p UnitPath"
            )),
            Self::TimedOut(command) => {
                Error::failed(msg!("service.timed-out", command = command)).hint(msg!(
                    "service.look",
                    command = format!("{} gateway status", instance.command())
                ))
            }
            Self::NoTool(tool) => Error::failed(msg!("service.no-tool", tool = tool)).hint(msg!(
                "service.run-it",
                command = format!("{} gateway run", instance.command())
            )),
            Self::BadFile(said) => {
                Error::failed(msg!("service.bad-file", name = name)).because(anyhow::anyhow!("{said}"))
            }
            Self::Said(said) => Error::failed(msg!("service.failed", name = name))
                .because(anyhow::anyhow!("{said}"))
                .hint(msg!(
                    "service.look",
                    command = format!("{} gateway status", instance.command())
                )),
        };
        match file {
            Some(file) => error.hint(msg!("service.written", path = file.display())),
            None => error,
        }
    }
}

/// What is around this process, as far as it explains a manager that can't be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Surroundings {
    /// systemd is the system's first process.
    pub(super) systemd: bool,
    /// A container.
    pub(super) container: bool,
    /// The kernel is that of WSL.
    pub(super) wsl: bool,
    /// The user of a shell of `sudo -u` or `su`, where this is one.
    pub(super) switched_user: Option<u32>,
}

impl Surroundings {
    /// Why there is no bus.
    pub(super) fn without_bus(self) -> Trouble {
        match self {
            Self {
                systemd: true,
                switched_user: Some(uid),
                ..
            } => Trouble::Sudo(uid),
            Self { systemd: true, .. } => Trouble::NoBus,
            Self { wsl: true, .. } => Trouble::Wsl,
            Self { container: true, .. } => Trouble::Container,
            _ => Trouble::NoSystemd,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::ProfileName;

    fn said(stderr: &str) -> CommandOutput {
        CommandOutput {
            code: Some(1),
            stderr: stderr.to_owned(),
            ..CommandOutput::default()
        }
    }

    #[test]
    fn each_recorded_complaint_is_understood_as_its_own_case() {
        let booted = Surroundings {
            systemd: true,
            ..Surroundings::default()
        };
        let su = Surroundings {
            switched_user: Some(1001),
            ..booted
        };
        let docker = Surroundings {
            container: true,
            ..Surroundings::default()
        };
        let wsl = Surroundings {
            wsl: true,
            ..Surroundings::default()
        };
        let bare = Surroundings::default();
        let not_booted = "System has not been booted with systemd as init system (PID 1). Can't operate.\n\
            Failed to connect to bus: Host is down";
        let cases = [
            (
                "Failed to connect to bus: No such file or directory",
                booted,
                Trouble::NoBus,
            ),
            (
                "Failed to connect to user scope bus via local transport: No such file or directory",
                booted,
                Trouble::NoBus,
            ),
            (
                "Failed to connect to bus: No medium found",
                su,
                Trouble::Sudo(1001),
            ),
            (
                "Failed to connect to bus: No medium found",
                docker,
                Trouble::Container,
            ),
            (not_booted, wsl, Trouble::Wsl),
            (not_booted, bare, Trouble::NoSystemd),
            (
                "Failed to start x.service: Unit x.service is masked.",
                booted,
                Trouble::Masked,
            ),
        ];
        for (words, around, expected) in cases {
            assert_eq!(
                Trouble::of_systemctl("start", &said(words), around),
                expected,
                "{words}"
            );
        }
        let denied = "Failed to start x.service: Interactive authentication required.";
        assert_eq!(
            Trouble::of_systemctl("start", &said(denied), booted),
            Trouble::Denied(denied.to_owned())
        );
        let slow = CommandOutput {
            timed_out: true,
            ..CommandOutput::default()
        };
        assert_eq!(
            Trouble::of_systemctl("show", &slow, booted),
            Trouble::TimedOut("show".to_owned())
        );
    }

    #[test]
    fn each_case_has_a_code_of_its_own_and_one_command_that_helps() {
        let instance = Instance::canonical(Path::new("/home/a"), ProfileName::parse("rescue").unwrap());
        let all = [
            Trouble::NoSystemd,
            Trouble::Container,
            Trouble::Wsl,
            Trouble::NoBus,
            Trouble::Sudo(1001),
            Trouble::NoGui,
            Trouble::WindowsDenied(String::new()),
            Trouble::Denied(String::new()),
            Trouble::Masked,
            Trouble::OtherHome,
            Trouble::TimedOut("x".to_owned()),
            Trouble::NoTool("x"),
        ];
        let errors: Vec<_> = all
            .iter()
            .map(|t| t.error(&instance, "x.service", None))
            .collect();
        let codes: std::collections::BTreeSet<_> = errors.iter().map(Error::code).collect();
        assert_eq!(codes.len(), all.len());
        for error in &errors {
            assert_eq!(
                (error.hints.len(), error.kind.exit_code()),
                (1, 1),
                "{}",
                error.code()
            );
        }
    }
}
