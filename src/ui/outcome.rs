//! The outcome of a command that reports what it found, in its JSON document and in its exit code.

use std::process::ExitCode;

use serde_json::{Map, Value};

use super::Ui;
use crate::error::ErrorKind;

/// The outcome of a command whose report is its result: nothing is wrong, or there is a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportOutcome {
    /// Nothing is wrong: exit 0.
    Fine,
    /// There is a problem. Its kind decides the exit code, and it has a stable name, as an error has one.
    Problem(ErrorKind, &'static str),
}

impl ReportOutcome {
    /// Returns the exit code of the command.
    pub(crate) fn exit_code(self) -> ExitCode {
        match self {
            Self::Fine => ExitCode::SUCCESS,
            Self::Problem(kind, _) => ExitCode::from(kind.exit_code()),
        }
    }

    /// Returns the JSON document of a report with the keys `ok`, `code` and `exit` in front, as an error's document has
    /// them. `code` and `exit` are there where the exit code is not 0.
    fn add_to(self, report: Value) -> Value {
        let mut document = Map::new();
        document.insert("ok".to_owned(), (self == Self::Fine).into());
        if let Self::Problem(kind, code) = self {
            document.insert("code".to_owned(), code.into());
            document.insert("exit".to_owned(), kind.exit_code().into());
        }
        if let Value::Object(report) = report {
            let rest = report.into_iter().filter(|(key, _)| key != "ok");
            document.extend(rest);
        }
        document.into()
    }
}

impl Ui {
    /// Prints the JSON document of a command that reports what it found. An outcome other than [`ReportOutcome::Fine`] is
    /// named in it.
    pub(crate) fn print_report(&self, outcome: ReportOutcome, report: Value) {
        self.print_json(&outcome.add_to(report));
    }
}
