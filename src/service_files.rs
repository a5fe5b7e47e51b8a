//! The files that make a gateway a service: the systemd unit, the launchd property list, and the script and
//! task document of the Windows Task Scheduler, each rendered from a [`ServiceSpec`] and parsed back.
//!
//! Pure: text in, text out. Each format has one file, so that the quoting rules of a manager are written down
//! once. Rendering is complete; parsing is tolerant and returns only what identifies the instance that a file
//! starts ([`ServiceCommand`]), because OpenClaw from npm and users write such files too.

mod command;
pub(crate) mod plist;
mod spec;
pub(crate) mod task;
pub(crate) mod unit;

pub(crate) use command::ServiceCommand;
pub(crate) use spec::{ServiceSpec, launchd_label, task_name, unit_name};

/// Returns whether this program wrote a service file, which its first lines say.
pub(crate) fn is_written_by_us(text: &str) -> bool {
    [unit::HEADER, plist::HEADER, task::HEADER]
        .iter()
        .any(|header| text.contains(header))
}

#[cfg(test)]
pub(crate) mod tests;
