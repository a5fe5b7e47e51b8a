//! The command that a service file starts.

use std::collections::BTreeMap;

/// The command that a service file starts, and the environment variables that the file sets for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServiceCommand {
    /// The program and its arguments; empty where the file names none.
    pub(crate) argv: Vec<String>,
    /// The environment variables that the file sets, by name.
    pub(crate) env: BTreeMap<String, String>,
}

impl ServiceCommand {
    /// Returns whether the command of a service file starts a gateway: it has that argument, or a variable names the
    /// instance, for which a script of the user's may start one.
    pub(crate) fn starts_gateway(&self) -> bool {
        let names_instance = ["OPENCLAW_PROFILE", "OPENCLAW_STATE_DIR", "OPENCLAW_CONFIG_PATH"];
        let has_variable = names_instance.iter().any(|name| self.variable(name).is_some());
        !self.argv.is_empty() && (has_variable || self.argv.iter().any(|word| word == "gateway"))
    }

    /// Returns the value of a flag of the command of a service file, which is `--flag value` or `--flag=value`.
    pub(crate) fn flag(&self, flag: &str) -> Option<&str> {
        self.argv
            .iter()
            .enumerate()
            .find_map(|(index, word)| match word.strip_prefix(flag)? {
                "" => self.argv.get(index + 1).map(String::as_str),
                rest => rest.strip_prefix('='),
            })
    }

    /// Returns an environment variable that a service file sets, trimmed; `None` where it is unset or blank.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let value = self.env.get(name)?.trim();
        (!value.is_empty()).then_some(value)
    }
}
