//! The texts of the command line, which are put into clap's commands when they are read.
//!
//! `cli` declares the commands without any text, because most lines are valid and are parsed without one. Only when help,
//! a man page, a completion or an error is to be shown, [`localise`] goes through the commands and puts in the sentences
//! of the chosen language. The key of an argument follows from its place (`help.ports.suggest.count`), so that a new
//! flag needs a line in each catalogue and nothing else. A flag that means the same in a command above it, or in every
//! command, has its line there (`help.every.json`).

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

use crate::error::Error;
use crate::i18n::Lang;

mod examples;
mod groups;
mod page;
mod parse_error;
mod usage;

pub(crate) use examples::examples;
pub(crate) use page::{HelpDetail, HelpStyle, render_columns, sections};
pub(crate) use parse_error::unknown_command;
pub(crate) use usage::usage_line;

use page::HELP_ALL_ID;
use usage::catalogue_text;

/// The output for a command line that clap did not accept as a command: requested help, or an error.
#[derive(Debug)]
pub(crate) enum Explanation {
    /// The help page that the line asked for: exit 0.
    Requested(String),
    /// The help page of a line that asked for nothing: exit 2.
    NothingRequested(String),
    /// The error of a wrong line: exit 2.
    Invalid(Error),
}

/// Returns help or an error for a command line that clap did not accept as a command. `words` start with the name of
/// the program.
pub(crate) fn explain(command: Command, words: &[OsString], lang: Lang, style: HelpStyle) -> Explanation {
    let mut command = localise(command, lang);
    let Err(error) = command.try_get_matches_from_mut(words) else {
        return Explanation::Invalid(parse_error::unknown());
    };
    command.build();
    let unknown = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    let chosen = chosen_command(&command, words, unknown);
    let mut options = words.iter().take_while(|word| *word != "--");
    let detail = if options.any(|word| word == HELP_ALL_FLAG) {
        HelpDetail::All
    } else {
        HelpDetail::Usual
    };
    let render = |detail| page::render(&command, chosen, lang, style, detail);
    match error.kind() {
        ErrorKind::DisplayHelp => Explanation::Requested(render(detail)),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Explanation::NothingRequested(render(HelpDetail::Usual))
        }
        _ => Explanation::Invalid(parse_error::translate(&error, chosen)),
    }
}

/// Returns the command with all its texts in a language: for help, man pages and completions.
pub(crate) fn localise(command: Command, lang: Lang) -> Command {
    set_texts(command, &mut |key| catalogue_text(lang, key))
}

/// Returns every key that the commands' help texts look up in the language catalogues, so that a test can compare
/// them.
pub fn catalogue_keys(command: Command) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    set_texts(command, &mut |key| {
        keys.insert(key.to_owned());
        None
    });
    keys
}

/// The flag that shows a help page with the flags that `--help` hides.
const HELP_ALL_FLAG: &str = "--help-all";

/// A function that returns the help text of a key of the language catalogue.
type Lookup<'a> = dyn FnMut(&str) -> Option<&'static str> + 'a;

/// Sets all help texts of the program's commands, and adds the flags `--help` and `--help-all`. The latter is hidden from
/// completions, because few commands have hidden flags.
fn set_texts(command: Command, lookup: &mut Lookup<'_>) -> Command {
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::Help)
        .global(true);
    let help_all = Arg::new(HELP_ALL_ID)
        .long(HELP_ALL_FLAG.trim_start_matches('-'))
        .action(ArgAction::Help)
        .global(true)
        .hide(true);
    let name = command.get_name().to_owned();
    let command = command.disable_help_flag(true).args([help, help_all]);
    set_command_texts(command, &name, true, lookup)
}

/// Sets the help texts of a command of the program and of its subcommands. `path` is the part of the key for this
/// command.
fn set_command_texts(command: Command, path: &str, is_root: bool, lookup: &mut Lookup<'_>) -> Command {
    let about = lookup(&format!("help.{path}.about")).unwrap_or_default();
    command
        .about(about)
        .mut_args(|arg| set_argument_texts(arg, path, is_root, lookup))
        .mut_subcommands(|sub| {
            let path = if is_root {
                sub.get_name().to_owned()
            } else {
                format!("{path}.{}", sub.get_name())
            };
            set_command_texts(sub, &path, false, lookup)
        })
}

/// Sets the help text, the heading and the value names of a command-line argument.
fn set_argument_texts(mut arg: Arg, path: &str, is_root: bool, lookup: &mut Lookup<'_>) -> Arg {
    let id = arg.get_id().as_str().replace('_', "-");
    let help = lookup(&argument_key(path, &id)).unwrap_or_default();
    let (rank, heading) = groups::rank_and_heading(path, is_root, &arg);
    let heading = lookup(heading).unwrap_or_default();
    if groups::is_compatibility_flag(path, &arg) {
        arg = arg.hide(true);
    }
    let has_value = arg.get_action().takes_values();
    let names: Option<Vec<_>> = arg.get_value_names().filter(|_| has_value).map(|names| {
        let key = |name: &str| format!("help.value.{}", name.to_ascii_lowercase());
        names
            .iter()
            .map(|name| lookup(&key(name)).map_or_else(|| name.to_string(), str::to_owned))
            .collect()
    });
    if let Some(names) = names {
        arg = arg.value_names(names);
    }
    arg.help(help).help_heading(heading).display_order(rank)
}

/// Returns the catalogue key of a command-line argument's help text: its own, else that of the nearest command above
/// which has one.
fn argument_key(path: &str, id: &str) -> String {
    let own = format!("help.{path}.{id}");
    let above = std::iter::successors(Some(path), |path| Some(path.rsplit_once('.')?.0));
    let mut keys = above.chain(["every"]).map(|path| format!("help.{path}.{id}"));
    keys.find(|key| Lang::english().text(key).is_some())
        .unwrap_or(own)
}

/// Returns the command that a command line chose: the last one that its words name before `unknown`, a word that clap
/// took for a command and does not know.
fn chosen_command<'a>(root: &'a Command, words: &[OsString], unknown: Option<&str>) -> &'a Command {
    words
        .iter()
        .skip(1)
        .take_while(|word| *word != "--" && unknown.is_none_or(|unknown| *word != unknown))
        .fold(root, |command, word| {
            word.to_str()
                .and_then(|word| command.find_subcommand(word))
                .unwrap_or(command)
        })
}

#[cfg(test)]
mod tests;
