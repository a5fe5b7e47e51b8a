//! The files that make a gateway a service: the systemd unit, the launchd property list, and the script and
//! task document of the Windows Task Scheduler, each rendered from a [`ServiceSpec`] and parsed back.
//!
//! Pure: text in, text out. Each format has one file, so that the quoting rules of a manager are written down
//! once. Rendering is complete; parsing is tolerant and returns only what identifies the instance that a file
//! starts ([`ServiceCommand`]), because OpenClaw from npm and users write such files too.

use std::collections::BTreeMap;

pub(crate) mod plist;
mod spec;
pub(crate) mod task;
pub(crate) mod unit;

pub(crate) use spec::{ServiceSpec, launchd_label, task_name, unit_name};

/// The command of a service file and the environment variables that the file sets for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServiceCommand {
    /// The program and its arguments; empty where the file names none.
    pub(crate) argv: Vec<String>,
    /// The environment variables, by name.
    pub(crate) env: BTreeMap<String, String>,
}

impl ServiceCommand {
    /// Returns the value of a flag of the command, given as `--flag value` or `--flag=value`.
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

/// Returns whether this program wrote a service file, which its first lines say.
pub(crate) fn is_written_by_us(text: &str) -> bool {
    [unit::HEADER, plist::HEADER, task::HEADER]
        .iter()
        .any(|header| text.contains(header))
}

#[cfg(test)]
pub(crate) mod tests;
