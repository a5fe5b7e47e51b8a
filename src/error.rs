//! The one error that crosses module borders: who must act, what happened as a [`Msg`], the ways out,
//! and the exit code that follows. It is put into words once, at the edge.

use crate::i18n::Msg;

/// Who must act, which decides the exit code (docs/design.md#exit-codes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The answer is no: not found, not running, an operation that failed. Exit 1.
    Failure,
    /// Wrong usage, or a question is open and nobody can be asked. Exit 2.
    Usage,
    /// It runs, but not as it should: unhealthy, another one's, not letting us in. Exit 3.
    Unhealthy,
    /// Configuration or ports make it impossible until somebody acts. Exit 78 (`EX_CONFIG`).
    Blocked,
    /// The user interrupted. Exit 130.
    Interrupted,
}

impl ErrorKind {
    /// The process exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Unhealthy => 3,
            Self::Blocked => 78,
            Self::Interrupted => 130,
        }
    }
}

/// What went wrong, for the user: a sentence, ways out, and the cause from the system where there is one.
#[derive(Debug)]
pub struct Error {
    /// Who must act.
    pub kind: ErrorKind,
    /// What happened, where, with which value.
    pub msg: Msg,
    /// Ways out, most useful first.
    pub hints: Vec<Msg>,
    /// What the system or a library said.
    pub cause: Option<anyhow::Error>,
}

/// The result of everything that can fail in front of the user.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An operation that failed or found nothing: exit 1.
    pub fn failed(msg: Msg) -> Self {
        Self {
            kind: ErrorKind::Failure,
            msg,
            hints: Vec::new(),
            cause: None,
        }
    }

    /// Wrong usage: exit 2.
    pub fn usage(msg: Msg) -> Self {
        Self {
            kind: ErrorKind::Usage,
            ..Self::failed(msg)
        }
    }

    /// Running, but not healthy: exit 3.
    pub fn unhealthy(msg: Msg) -> Self {
        Self {
            kind: ErrorKind::Unhealthy,
            ..Self::failed(msg)
        }
    }

    /// Impossible until somebody changes configuration or ports: exit 78.
    pub fn blocked(msg: Msg) -> Self {
        Self {
            kind: ErrorKind::Blocked,
            ..Self::failed(msg)
        }
    }

    /// Ctrl-C: exit 130.
    pub fn interrupted() -> Self {
        Self {
            kind: ErrorKind::Interrupted,
            ..Self::failed(Msg::new("error.interrupted"))
        }
    }

    /// Adds a way out.
    #[must_use]
    pub fn hint(mut self, hint: Msg) -> Self {
        self.hints.push(hint);
        self
    }

    /// Adds what the system said.
    #[must_use]
    pub fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The stable name of this error, for `--json`.
    pub fn code(&self) -> &'static str {
        self.msg.key()
    }
}
