//! The usage line of a command.

use clap::{Arg, Command};

use crate::i18n::Lang;

/// Returns the usage line of a built command: `openclaw config set [OPTIONS] <PATH> [VALUE]`.
pub(crate) fn usage_line(command: &Command, lang: Lang) -> String {
    let mut usage = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let mut add = |word: &str| {
        usage.push(' ');
        usage.push_str(word);
    };
    add(catalogue_text(lang, "help.word.options").unwrap_or("[OPTIONS]"));
    for arg in command.get_positionals() {
        add(&positional_label(arg));
    }
    if command.has_subcommands() {
        let word = catalogue_text(lang, "help.word.command").unwrap_or("COMMAND");
        if command.is_arg_required_else_help_set() {
            add(&format!("<{word}>"));
        } else {
            add(&format!("[{word}]"));
        }
    }
    usage
}

/// Returns the usage label of a positional argument: `<PATH>`, or `[VALUE]` if it may be left out.
pub(super) fn positional_label(arg: &Arg) -> String {
    let name = arg
        .get_value_names()
        .and_then(|names| names.first())
        .map_or(arg.get_id().as_str(), |name| name.as_str());
    if arg.is_required_set() {
        format!("<{name}>")
    } else {
        format!("[{name}]")
    }
}

/// Returns the help text of a catalogue key, in English where the language has none.
pub(super) fn catalogue_text(lang: Lang, key: &str) -> Option<&'static str> {
    lang.text(key).or_else(|| Lang::english().text(key))
}
