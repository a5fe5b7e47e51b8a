//! Renders and parses the files that define a gateway as a service: the systemd unit, the launchd property list, and
//! the script and task document of the Windows Task Scheduler. An environment file that a unit names is parsed, too.
//!
//! Pure: text in, text out. Each format has one file, so that the quoting rules of a manager are in one place. A file is
//! rendered from a [`ServiceSpec`]. Parsing is tolerant, because OpenClaw from npm and users write such files too, and
//! returns only the [`ServiceCommand`], which identifies the instance that a file starts.

mod command;
pub(crate) mod environment_file;
pub(crate) mod plist;
mod spec;
pub(crate) mod task;
pub(crate) mod unit;
pub(crate) mod unit_additions;

pub(crate) use command::ServiceCommand;
pub(crate) use spec::{
    ServiceSpec, launchd_label, task_name, timer_label, timer_task_name, timer_unit_stem, unit_name,
};

/// Returns whether this program wrote a service file, by the header of the file.
pub(crate) fn is_written_by_us(text: &str) -> bool {
    [unit::HEADER, plist::HEADER, task::HEADER]
        .iter()
        .any(|header| text.contains(header))
}

#[cfg(test)]
pub(crate) mod tests;
