//! The error type that is shown to the user: who must act, what happened as a [`Msg`], the ways out, and the exit
//! code that follows. Modules return their own error types where a caller reacts to the cases. An error is rendered
//! once, in the user's language, where the program ends.

use std::path::PathBuf;

use crate::i18n::Msg;

/// The kind of an error of this program, by who must act on it. The kind decides the exit code
/// (docs/design.md#exit-codes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// An operation failed, or the answer is no: not found, not running. Exit 1.
    Failure,
    /// Wrong usage, or a question is open and nobody can be asked. Exit 2.
    Usage,
    /// Something runs, but not as it should: unhealthy, another's, not letting us in. Exit 3.
    Unhealthy,
    /// Configuration or ports make it impossible until somebody acts. Exit 78 (`EX_CONFIG`).
    Blocked,
    /// The user interrupted the program. Exit 130.
    Interrupted,
}

impl ErrorKind {
    /// All kinds of errors of this program, in order of their exit codes.
    const ALL: [Self; 5] = [
        Self::Failure,
        Self::Usage,
        Self::Unhealthy,
        Self::Blocked,
        Self::Interrupted,
    ];

    /// Returns the kind of error with which a process of this program ended, by its exit code.
    pub(crate) fn from_exit_code(code: i32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| i32::from(kind.exit_code()) == code)
    }

    /// Returns the exit code of a process of this program that ends with an error of this kind.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Unhealthy => 3,
            Self::Blocked => 78,
            Self::Interrupted => 130,
        }
    }
}

/// A cause of an error of this program to which some caller reacts. Most errors are only shown and have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorReason {
    /// The terminal of the person who was asked has gone away.
    TerminalClosed,
    /// The person chose to leave without a change.
    Cancelled,
    /// The command line names a command that this program does not have.
    UnknownCommand,
    /// The command line names a command that this program does not have, and that is much like one that it has.
    MistypedCommand,
    /// The instance has no files that a snapshot could keep.
    NothingToSnapshot,
    /// A change would reach into another instance.
    OtherInstance,
    /// `gateway.mode` is not set, so that no gateway may start.
    GatewayModeUnset,
    /// The gateway's token or password is not set.
    CredentialUnset,
    /// The gateway's token or password comes from an environment variable that is not set in this environment.
    VariableUnset,
    /// The gateway would serve the network without asking for a token or password.
    UnprotectedNetwork,
    /// The config includes a file from a folder that its release does not read, as far as this environment tells.
    IncludeRefused,
}

/// An error of this program with what the user needs to act on it.
#[derive(Debug)]
pub struct Error {
    /// The kind, which decides the exit code.
    pub kind: ErrorKind,
    /// The cause that a caller reacts to, if there is one.
    pub reason: Option<ErrorReason>,
    /// The sentence that says what happened, where, and with which value.
    pub msg: Msg,
    /// The ways out, most useful first.
    pub hints: Vec<Msg>,
    /// The error of the system or of a library that led to this one.
    pub cause: Option<anyhow::Error>,
    /// The file or folder on which an operation failed, where a caller can choose another one.
    pub path: Option<PathBuf>,
}

/// The result of an operation whose failure is shown to the user.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    fn new(kind: ErrorKind, msg: Msg) -> Self {
        Self {
            kind,
            reason: None,
            msg,
            hints: Vec::new(),
            cause: None,
            path: None,
        }
    }

    /// Creates the error of an operation that failed or found nothing: exit code 1.
    pub(crate) fn failed(msg: Msg) -> Self {
        Self::new(ErrorKind::Failure, msg)
    }

    /// Creates the error of wrong usage: exit code 2.
    pub(crate) fn usage(msg: Msg) -> Self {
        Self::new(ErrorKind::Usage, msg)
    }

    /// Creates the error of something that runs, but is not healthy: exit code 3.
    pub(crate) fn unhealthy(msg: Msg) -> Self {
        Self::new(ErrorKind::Unhealthy, msg)
    }

    /// Creates the error of something that is impossible until somebody changes configuration or ports: exit code 78.
    pub(crate) fn blocked(msg: Msg) -> Self {
        Self::new(ErrorKind::Blocked, msg)
    }

    /// Creates the error of an interrupt by the user (Ctrl-C): exit code 130.
    pub(crate) fn interrupted() -> Self {
        Self::new(ErrorKind::Interrupted, Msg::new("error.interrupted"))
    }

    /// Sets the cause of an error, to which callers react.
    #[must_use]
    pub(crate) fn with_reason(mut self, reason: ErrorReason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Adds a hint to an error: a sentence that tells the user a way out.
    #[must_use]
    pub(crate) fn hint(mut self, hint: Msg) -> Self {
        self.hints.push(hint);
        self
    }

    /// Sets the error of the system or of a library that led to this error of the program.
    #[must_use]
    pub(crate) fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Sets the file or folder on which the operation of an error failed.
    #[must_use]
    pub(crate) fn at_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Returns whether an error of this program has a given cause.
    pub(crate) fn has_reason(&self, reason: ErrorReason) -> bool {
        self.reason == Some(reason)
    }

    /// Returns whether other input of the user could avert an error: other words on the command line, other answers,
    /// another configuration.
    pub(crate) fn is_about_input(&self) -> bool {
        matches!(self.kind, ErrorKind::Usage | ErrorKind::Blocked)
    }

    /// Returns whether an error of this program ends every question to the person: they interrupted it, or the terminal is
    /// gone.
    pub(crate) fn is_about_terminal(&self) -> bool {
        self.kind == ErrorKind::Interrupted || self.has_reason(ErrorReason::TerminalClosed)
    }

    /// Returns the stable name of an error of this program, for `--json`.
    pub fn code(&self) -> &'static str {
        self.msg.key()
    }
}
