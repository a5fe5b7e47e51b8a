//! The commands that the overview names.

use clap::Command;

use crate::help::{self, HelpStyle};
use crate::instance::Instance;
use crate::ui::Ui;

/// The commands that the overview names, which every person with a gateway needs.
const COMMON_COMMANDS: [&str; 5] = ["status", "dashboard", "logs", "doctor", "onboard"];

/// Returns the commands that are needed most, as they are typed for an instance.
pub(super) fn command_names(instance: &Instance) -> [String; 5] {
    COMMON_COMMANDS.map(|name| format!("{} {name}", instance.command()))
}

/// Returns the commands that are needed most, as they are typed for an instance, with what they do, in lines. `program` is
/// the declaration of the command line in the language of the screen.
pub(super) fn command_lines(ui: &Ui, instance: &Instance, program: &Command, width: usize) -> String {
    let abouts = COMMON_COMMANDS.map(|name| {
        let about = program.find_subcommand(name).and_then(Command::get_about);
        about.map(ToString::to_string).unwrap_or_default()
    });
    let entries: Vec<_> = command_names(instance).into_iter().zip(abouts).collect();
    let style = HelpStyle { width, bold: false };
    ui.fit_charset(help::render_columns(&entries, style))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_command_of_the_overview_is_one_that_can_be_typed_alone() {
        for name in COMMON_COMMANDS {
            let parsed = Cli::command().try_get_matches_from(["openclaw", name]);
            assert!(parsed.is_ok(), "{name}");
        }
    }
}
