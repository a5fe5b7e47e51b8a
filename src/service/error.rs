//! The errors of service managers, each with the one command that helps. The messages of `systemctl` are interpreted
//! here, in English (`LC_ALL=C`).

use std::path::Path;

use crate::error::Error;
use crate::host::process::CommandOutput;
use crate::i18n::{Msg, msg};
use crate::instance::Instance;

/// The command that switches systemd's lingering on, so that services run without a login, for an administrator or
/// whoever else may.
pub(crate) const LINGER_COMMAND: &str = "sudo loginctl enable-linger \"$(id -un)\"";

/// The reason why a request to a service manager failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ManagerError {
    /// The system is a Linux without systemd.
    NoSystemd,
    /// The program runs in a container without systemd.
    Container,
    /// The program runs under WSL, where systemd is switched off.
    Wsl,
    /// systemd runs, but not the manager of this user.
    NoBus,
    /// systemd runs, but not the manager of this user: the shell was started by `sudo -u` or `su`, and the user with
    /// this id never logged in.
    SwitchedUser(u32),
    /// This user has no graphical session on macOS.
    NoGraphicalSession,
    /// Windows does not allow this user to register tasks; with the tool's message.
    RegistrationDenied(String),
    /// The manager refused the request for lack of permissions; with the tool's message.
    Denied(String),
    /// The unit of the service is masked (`systemctl mask`).
    Masked,
    /// The manager of this account reads its files from another home folder.
    OtherHome,
    /// The manager's tool did not end in time; with its command line.
    TimedOut(String),
    /// The manager's tool is not installed; with its name.
    ToolMissing(&'static str),
    /// The manager rejected the new service file; with its messages.
    FileRejected(String),
    /// The request failed for another reason; with the tool's message.
    Failed(String),
}

impl ManagerError {
    /// Returns whether a service starts at the next login despite an error of its service manager, where the service
    /// file is written now.
    pub(super) fn allows_start_at_login(&self) -> bool {
        matches!(
            self,
            Self::NoSystemd
                | Self::Container
                | Self::Wsl
                | Self::NoBus
                | Self::SwitchedUser(_)
                | Self::NoGraphicalSession
        )
    }

    /// Determines from the output of a failed `systemctl --user` why it failed. A missing bus is checked for before a
    /// missing unit, because the message contains "not found" for both.
    pub(super) fn from_systemctl(
        command: &str,
        output: &CommandOutput,
        environment: SystemdEnvironment,
    ) -> Self {
        let message = output.stderr.trim();
        let contains_any = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
        if output.timed_out {
            return Self::TimedOut(command.to_owned());
        }
        if contains_any(&["Interactive authentication required", "Access denied"]) {
            return Self::Denied(message.to_owned());
        }
        if contains_any(&[
            "Failed to connect to bus",
            "Failed to connect to user scope bus",
            "Failed to get D-Bus connection",
            "System has not been booted with systemd",
        ]) {
            return environment.missing_bus();
        }
        if contains_any(&["is masked"]) {
            return Self::Masked;
        }
        Self::Failed(message.to_owned())
    }

    /// Returns the reason why a service manager can't be used, in a few words.
    pub(super) fn short_msg(&self) -> Msg {
        match self {
            Self::NoSystemd | Self::ToolMissing(_) => msg!("service.why-no-systemd"),
            Self::Container => msg!("service.why-container"),
            Self::Wsl => msg!("service.why-wsl"),
            Self::NoBus | Self::SwitchedUser(_) => msg!("service.why-no-session"),
            Self::NoGraphicalSession => msg!("service.why-no-gui"),
            Self::RegistrationDenied(_)
            | Self::Denied(_)
            | Self::Masked
            | Self::OtherHome
            | Self::TimedOut(_)
            | Self::FileRejected(_)
            | Self::Failed(_) => msg!("service.why-no-answer"),
        }
    }

    /// Returns the error of a service manager to show to the user, with the way out. `service` is the name of the
    /// service; `written_file` is its file, where that was written and is loaded at the next login.
    pub(super) fn describe(&self, instance: &Instance, service: &str, written_file: Option<&Path>) -> Error {
        let mut error = Error::failed(self.message(instance, service));
        if let Some(message) = self.tool_message() {
            error = error.because(anyhow::anyhow!("{message}"));
        }
        if let Some(hint) = self.hint(instance, service) {
            error = error.hint(hint);
        }
        match written_file {
            Some(file) => error.hint(msg!("service.written", path = file.display())),
            None => error,
        }
    }

    fn message(&self, instance: &Instance, service: &str) -> Msg {
        let profile = &instance.profile;
        match self {
            Self::NoSystemd => msg!("service.no-systemd", profile = profile),
            Self::Container => msg!("service.container", profile = profile),
            Self::Wsl => msg!("service.wsl", profile = profile),
            Self::NoBus => msg!("service.no-bus", profile = profile),
            Self::SwitchedUser(_) => msg!("service.sudo", profile = profile),
            Self::NoGraphicalSession => msg!("service.no-gui", profile = profile),
            Self::RegistrationDenied(_) => msg!("service.windows-denied", profile = profile),
            Self::Denied(_) => msg!("service.denied", name = service),
            Self::Masked => msg!("service.masked", name = service),
            Self::OtherHome => msg!("service.other-home", name = service),
            Self::TimedOut(command) => msg!("service.timed-out", command = command),
            Self::ToolMissing(tool) => msg!("service.no-tool", tool = tool),
            Self::FileRejected(_) => msg!("service.bad-file", name = service),
            Self::Failed(_) => msg!("service.failed", name = service),
        }
    }

    fn tool_message(&self) -> Option<&str> {
        match self {
            Self::RegistrationDenied(message)
            | Self::Denied(message)
            | Self::FileRejected(message)
            | Self::Failed(message) => Some(message),
            _ => None,
        }
    }

    /// Returns the hint how the user gets past an error of a service manager, with a command; `None` where no way out
    /// is known.
    fn hint(&self, instance: &Instance, service: &str) -> Option<Msg> {
        let command = |subcommand: &str| format!("{} gateway {subcommand}", instance.command());
        Some(match self {
            Self::NoSystemd | Self::ToolMissing(_) => msg!("service.run-it", command = command("run")),
            Self::Container => msg!("service.run-in-container", command = command("run")),
            Self::Wsl => msg!(
                "service.wsl-way-out",
                command = "printf '[boot]\\nsystemd=true\\n' | sudo tee -a /etc/wsl.conf"
            ),
            Self::NoBus => msg!("service.linger-way-out", command = LINGER_COMMAND),
            // By id: the command is typed in the shell of another user.
            Self::SwitchedUser(uid) => msg!(
                "service.sudo-way-out",
                command = format!("sudo loginctl enable-linger {uid}")
            ),
            Self::NoGraphicalSession => msg!("service.no-gui-way-out", command = command("install")),
            Self::RegistrationDenied(_) => msg!("service.windows-way-out", command = command("install")),
            Self::Denied(_) => msg!(
                "service.look",
                command = format!("systemctl --user status {service}")
            ),
            Self::Masked => msg!(
                "service.unmask",
                command = format!("systemctl --user unmask {service}")
            ),
            Self::OtherHome => msg!(
                "service.other-home-way-out",
                command = "systemctl --user show -p UnitPath"
            ),
            Self::TimedOut(_) | Self::Failed(_) => msg!("service.look", command = command("status")),
            Self::FileRejected(_) => return None,
        })
    }
}

/// The facts about the system that explain why systemd's manager of the user's services can't be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SystemdEnvironment {
    /// `true` if systemd is the first process of the system.
    pub(super) booted_with_systemd: bool,
    /// `true` if this process runs in a container.
    pub(super) is_container: bool,
    /// `true` if the kernel is one of WSL.
    pub(super) is_wsl: bool,
    /// The user of a shell that `sudo -u` or `su` started; `None` in a login session.
    pub(super) switched_user: Option<u32>,
}

impl SystemdEnvironment {
    /// Returns the reason why there is no bus on which systemd's manager of the user's services could be asked.
    pub(super) fn missing_bus(self) -> ManagerError {
        match self {
            Self {
                booted_with_systemd: true,
                switched_user: Some(uid),
                ..
            } => ManagerError::SwitchedUser(uid),
            Self {
                booted_with_systemd: true,
                ..
            } => ManagerError::NoBus,
            Self { is_wsl: true, .. } => ManagerError::Wsl,
            Self {
                is_container: true, ..
            } => ManagerError::Container,
            _ => ManagerError::NoSystemd,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::ProfileName;

    fn failed_with(stderr: &str) -> CommandOutput {
        CommandOutput {
            code: Some(1),
            stderr: stderr.to_owned(),
            ..CommandOutput::default()
        }
    }

    #[test]
    fn each_recorded_message_of_systemctl_is_a_case_of_its_own() {
        let booted = SystemdEnvironment {
            booted_with_systemd: true,
            ..SystemdEnvironment::default()
        };
        let su = SystemdEnvironment {
            switched_user: Some(1001),
            ..booted
        };
        let docker = SystemdEnvironment {
            is_container: true,
            ..SystemdEnvironment::default()
        };
        let wsl = SystemdEnvironment {
            is_wsl: true,
            ..SystemdEnvironment::default()
        };
        let bare = SystemdEnvironment::default();
        let not_booted = "System has not been booted with systemd as init system (PID 1). Can't operate.\n\
            Failed to connect to bus: Host is down";
        let no_medium = "Failed to connect to bus: No medium found";
        let cases = [
            (
                "Failed to connect to bus: No such file or directory",
                booted,
                ManagerError::NoBus,
            ),
            (
                "Failed to connect to user scope bus via local transport: No such file or directory",
                booted,
                ManagerError::NoBus,
            ),
            (no_medium, su, ManagerError::SwitchedUser(1001)),
            (no_medium, docker, ManagerError::Container),
            (not_booted, wsl, ManagerError::Wsl),
            (not_booted, bare, ManagerError::NoSystemd),
            (
                "Failed to start x.service: Unit x.service is masked.",
                booted,
                ManagerError::Masked,
            ),
        ];
        for (message, environment, expected) in cases {
            assert_eq!(
                ManagerError::from_systemctl("start", &failed_with(message), environment),
                expected,
                "{message}"
            );
        }
    }

    #[test]
    fn denied_and_slow_calls_of_systemctl_are_distinguished() {
        let environment = SystemdEnvironment::default();
        let denied = "Failed to start x.service: Interactive authentication required.";
        assert_eq!(
            ManagerError::from_systemctl("start", &failed_with(denied), environment),
            ManagerError::Denied(denied.to_owned())
        );
        let slow = CommandOutput {
            timed_out: true,
            ..CommandOutput::default()
        };
        assert_eq!(
            ManagerError::from_systemctl("show", &slow, environment),
            ManagerError::TimedOut("show".to_owned())
        );
    }

    #[test]
    fn each_error_has_a_code_of_its_own_and_one_hint() {
        let instance = Instance::canonical(Path::new("/home/a"), ProfileName::parse("rescue").unwrap());
        let all = [
            ManagerError::NoSystemd,
            ManagerError::Container,
            ManagerError::Wsl,
            ManagerError::NoBus,
            ManagerError::SwitchedUser(1001),
            ManagerError::NoGraphicalSession,
            ManagerError::RegistrationDenied(String::new()),
            ManagerError::Denied(String::new()),
            ManagerError::Masked,
            ManagerError::OtherHome,
            ManagerError::TimedOut("x".to_owned()),
            ManagerError::ToolMissing("x"),
        ];
        let errors: Vec<_> = all
            .iter()
            .map(|error| error.describe(&instance, "x.service", None))
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
