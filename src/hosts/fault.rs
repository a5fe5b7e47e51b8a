//! The reasons why a remote host gave no answer, as sentences with the way out.

use crate::error::Error;
use crate::i18n::{Msg, msg};
use crate::text::sanitize;

use super::list::RemoteHost;

/// Exit code of `ssh` itself, and of no command of this program.
const SSH_FAILED: i32 = 255;
/// Exit code of a shell that does not find the program.
const NOT_FOUND: i32 = 127;

/// The reason why a remote host gave no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostFault {
    /// There is no `ssh` on this host.
    NoSsh,
    /// The time was over; with the limit in seconds.
    TimedOut(u64),
    /// `ssh` does not reach the host; with its own words.
    Unreachable(String),
    /// The key of the host is not known here yet.
    KeyUnknown,
    /// The host has another key than the one that is known here.
    KeyChanged,
    /// The host does not accept any key of the user.
    Denied,
    /// There is no `openclaw` there, or not where the list says.
    NoProgram,
    /// The `openclaw` there is another program: most probably OpenClaw from npm.
    OtherProgram,
    /// The answer was longer than any answer of this program.
    TooLong,
    /// The `openclaw` there failed; with its own sentence.
    Failed(String),
}

impl HostFault {
    /// Returns why a run of `openclaw` over `ssh` failed, from the exit code and standard error of `ssh`; `None` where the exit
    /// code is that of `openclaw`.
    pub(crate) fn of_exit(code: Option<i32>, stderr: &str) -> Option<Self> {
        match code {
            Some(NOT_FOUND) => Some(Self::NoProgram),
            Some(SSH_FAILED) | None => Some(Self::of_ssh(stderr)),
            Some(_) => None,
        }
    }

    /// Returns the error about a remote host that gave no answer.
    pub(crate) fn to_error(&self, host: &RemoteHost) -> Error {
        let error = Error::failed(self.msg(host));
        match self.hint(host) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// Returns why `ssh` failed, from its standard error.
    fn of_ssh(stderr: &str) -> Self {
        if stderr.contains("HOST IDENTIFICATION HAS CHANGED") {
            return Self::KeyChanged;
        }
        if stderr.contains("Host key verification failed") {
            return Self::KeyUnknown;
        }
        if stderr.contains("Permission denied") || stderr.contains("Too many authentication failures") {
            return Self::Denied;
        }
        let last = stderr.lines().rfind(|line| !line.trim().is_empty());
        Self::Unreachable(sanitize(last.unwrap_or_default().trim_start_matches("ssh: ")))
    }

    /// Returns the stable name of the fault, as `--json` has it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::NoSsh => "no-ssh",
            Self::TimedOut(_) => "timed-out",
            Self::Unreachable(_) => "unreachable",
            Self::KeyUnknown => "key-unknown",
            Self::KeyChanged => "key-changed",
            Self::Denied => "denied",
            Self::NoProgram => "no-program",
            Self::OtherProgram => "other-program",
            Self::TooLong => "too-long",
            Self::Failed(_) => "failed",
        }
    }

    /// Returns the fault in one or two words, for a table.
    pub(crate) fn short_msg(&self) -> Msg {
        match self {
            Self::NoSsh => msg!("hosts.short-no-ssh"),
            Self::TimedOut(_) => msg!("hosts.short-timed-out"),
            Self::Unreachable(_) => msg!("hosts.short-unreachable"),
            Self::KeyUnknown => msg!("hosts.short-key-unknown"),
            Self::KeyChanged => msg!("hosts.short-key-changed"),
            Self::Denied => msg!("hosts.short-denied"),
            Self::NoProgram => msg!("hosts.short-no-program"),
            Self::OtherProgram => msg!("hosts.short-other-program"),
            Self::TooLong | Self::Failed(_) => msg!("hosts.short-failed"),
        }
    }

    /// Returns the sentence about the fault of a remote host.
    pub(crate) fn msg(&self, host: &RemoteHost) -> Msg {
        let (name, address) = (&host.name, &host.address);
        match self {
            Self::NoSsh => msg!("hosts.no-ssh", host = name),
            Self::TimedOut(seconds) => msg!("hosts.timed-out", host = name, seconds = seconds),
            Self::Unreachable(why) => msg!("hosts.unreachable", host = name, why = why),
            Self::KeyUnknown => msg!("hosts.key-unknown", host = name, address = address),
            Self::KeyChanged => msg!("hosts.key-changed", host = name, address = address),
            Self::Denied => msg!("hosts.denied", host = name, address = address),
            Self::NoProgram => match &host.program {
                Some(program) => msg!("hosts.no-program-at", host = name, path = program),
                None => msg!("hosts.no-program", host = name),
            },
            Self::OtherProgram => msg!("hosts.other-program", host = name),
            Self::TooLong => msg!("hosts.too-long", host = name),
            Self::Failed(why) => msg!("hosts.failed", host = name, why = why),
        }
    }

    /// Returns the way out of the fault of a remote host, where there is one.
    pub(crate) fn hint(&self, host: &RemoteHost) -> Option<Msg> {
        let (name, address) = (&host.name, &host.address);
        Some(match self {
            Self::NoSsh => msg!("hosts.hint-no-ssh"),
            Self::TimedOut(_) | Self::Unreachable(_) | Self::Denied => {
                msg!("hosts.hint-try", address = address)
            }
            Self::KeyUnknown => msg!("hosts.hint-accept", address = address),
            Self::KeyChanged => msg!("hosts.hint-compare", address = address),
            Self::NoProgram | Self::OtherProgram => {
                msg!("hosts.hint-install", host = name, address = address)
            }
            Self::TooLong | Self::Failed(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_is_read_from_what_ssh_says() {
        let fault = |code, stderr| HostFault::of_exit(code, stderr).unwrap();
        assert_eq!(
            fault(
                Some(255),
                "ssh: connect to host box port 22: Connection refused\r\n"
            ),
            HostFault::Unreachable("connect to host box port 22: Connection refused".to_owned())
        );
        assert_eq!(
            fault(Some(255), "Host key verification failed.\n"),
            HostFault::KeyUnknown
        );
        let changed = "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\n";
        assert_eq!(fault(Some(255), changed), HostFault::KeyChanged);
        assert_eq!(
            fault(Some(255), "me@box: Permission denied (publickey).\n"),
            HostFault::Denied
        );
        assert_eq!(fault(Some(127), "sh: openclaw: not found"), HostFault::NoProgram);
        assert_eq!(HostFault::of_exit(Some(1), "not running"), None);
        let hostile = fault(None, "\u{1b}]0;owned\u{7}\n");
        assert_eq!(hostile, HostFault::Unreachable("]0;owned".to_owned()));
    }
}
