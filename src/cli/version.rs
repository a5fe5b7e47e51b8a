//! `openclaw --version`: the version, and with `--json` also the commit and how the program was installed.

use std::ffi::OsString;
use std::process::ExitCode;

use serde_json::json;

use crate::host::Host;
use crate::installation::{self, COMMIT, PACKAGE_NAME, VERSION};
use crate::ui::Ui;

/// Words that ask for the version of the program.
const VERSION_WORDS: [&str; 4] = ["--version", "-V", "-v", "version"];

/// Returns `true` if a command line, the program's name first, asks for the version and nothing else but `--json`.
pub(crate) fn is_asked_for(command_line: &[OsString]) -> bool {
    let words: Vec<_> = command_line
        .iter()
        .skip(1)
        .filter(|word| *word != "--json")
        .collect();
    matches!(&words[..], [word] if VERSION_WORDS.iter().any(|version| *word == version))
}

/// Prints the version of the program: one line, or a JSON document.
pub(crate) fn run(host: &Host, ui: Ui) -> ExitCode {
    if ui.is_json() {
        ui.print_json(&json!({
            "ok": true,
            "package": PACKAGE_NAME,
            "version": VERSION,
            "commit": COMMIT,
            "installed": installation::install_method(host),
            "program": installation::program_file(host),
        }));
    } else {
        ui.print(&format!("openclaw {VERSION}"));
    }
    ExitCode::SUCCESS
}
