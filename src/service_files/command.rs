//! The command that a service file starts.

use std::collections::BTreeMap;

/// The command of a service file and the environment variables that the file sets for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServiceCommand {
    /// The program and its arguments; empty where the file names none.
    pub(crate) argv: Vec<String>,
    /// The environment variables that the file sets, by name.
    pub(crate) env: BTreeMap<String, String>,
}

impl ServiceCommand {
    /// Returns the value of a flag of the command, which is `--flag value` or `--flag=value`.
    pub(crate) fn flag(&self, flag: &str) -> Option<&str> {
        self.argv
            .iter()
            .enumerate()
            .find_map(|(index, word)| match word.strip_prefix(flag)? {
                "" => self.argv.get(index + 1).map(String::as_str),
                rest => rest.strip_prefix('='),
            })
    }

    /// Returns an environment variable, trimmed; `None` where it is unset or blank.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let value = self.env.get(name)?.trim();
        (!value.is_empty()).then_some(value)
    }
}
