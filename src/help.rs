//! The words of the command line: they are put into clap's commands when somebody wants to read them.
//!
//! `cli` declares what can be typed and says nothing about it. A line is parsed without any words,
//! because most lines are right. Only when help, a man page, a completion or an error is to be shown,
//! [`localise`] walks the commands and puts in the sentences of the chosen language: the key of an
//! argument follows from where it stands (`help.ports.suggest.count`), so a new flag needs a line in
//! each catalogue and nothing else. A flag that means the same in a command above it, or in every command,
//! has its line there (`help.every.json`).

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::{Arg, ArgAction, Command, error::ErrorKind};

use crate::error::Error;
use crate::i18n::Lang;

mod fault;
mod groups;
mod page;

/// What is said instead of doing something.
#[derive(Debug)]
pub enum Explained {
    /// Help was asked for: exit 0.
    Asked(String),
    /// Nothing was asked for, and help is the best answer: exit 2.
    Needed(String),
    /// The line is wrong: exit 2.
    Wrong(Error),
}

/// How a help page is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// The width in columns.
    pub width: usize,
    /// Whether headings may be bold.
    pub bold: bool,
}

/// Explains a line that clap did not take as a command. `words` start with the program's name.
pub fn explain(command: Command, words: &[OsString], lang: Lang, style: Style) -> Explained {
    let mut command = localise(command, lang);
    let Err(fault) = command.try_get_matches_from_mut(words) else {
        return Explained::Wrong(fault::unknown());
    };
    command.build();
    let chosen = chosen(&command, words);
    match fault.kind() {
        ErrorKind::DisplayHelp => Explained::Asked(page::render(&command, chosen, lang, style)),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Explained::Needed(page::render(&command, chosen, lang, style))
        }
        _ => Explained::Wrong(fault::translate(&fault, chosen)),
    }
}

/// The command with all its words in a language: for help, man pages and completions.
pub fn localise(command: Command, lang: Lang) -> Command {
    words(command, &mut |key| text(lang, key))
}

/// Every key that the commands ask the catalogues for. Tests compare them with the catalogues.
pub fn keys(command: Command) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    words(command, &mut |key| {
        keys.insert(key.to_owned());
        None
    });
    keys
}

/// The usage of a built command: `openclaw config set [OPTIONS] <PATH> [VALUE]`.
pub fn usage(command: &Command, lang: Lang) -> String {
    let mut usage = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let mut add = |word: &str| {
        usage.push(' ');
        usage.push_str(word);
    };
    add(text(lang, "help.word.options").unwrap_or("[OPTIONS]"));
    for arg in command.get_positionals() {
        add(&positional(arg));
    }
    if command.has_subcommands() {
        let word = text(lang, "help.word.command").unwrap_or("COMMAND");
        if command.is_arg_required_else_help_set() {
            add(&format!("<{word}>"));
        } else {
            add(&format!("[{word}]"));
        }
    }
    usage
}

/// The arguments of a built command below their headings: what is typed, and what it means.
pub fn sections(command: &Command, lang: Lang) -> Vec<(&str, Vec<(String, String)>)> {
    page::sections(command, lang)
}

/// `<PATH>`, or `[VALUE]` where it may be left out.
fn positional(arg: &Arg) -> String {
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

/// The text of a key, in English where the language lacks it.
fn text(lang: Lang, key: &str) -> Option<&'static str> {
    lang.text(key).or_else(|| Lang::english().text(key))
}

type Lookup<'a> = dyn FnMut(&str) -> Option<&'static str> + 'a;

fn words(command: Command, lookup: &mut Lookup<'_>) -> Command {
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::Help)
        .global(true);
    let name = command.get_name().to_owned();
    into_command(command.disable_help_flag(true).arg(help), &name, true, lookup)
}

fn into_command(command: Command, path: &str, is_root: bool, lookup: &mut Lookup<'_>) -> Command {
    let about = lookup(&format!("help.{path}.about")).unwrap_or_default();
    command
        .about(about)
        .mut_args(|arg| into_arg(arg, path, is_root, lookup))
        .mut_subcommands(|sub| {
            let path = if is_root {
                sub.get_name().to_owned()
            } else {
                format!("{path}.{}", sub.get_name())
            };
            into_command(sub, &path, false, lookup)
        })
}

fn into_arg(mut arg: Arg, path: &str, is_root: bool, lookup: &mut Lookup<'_>) -> Arg {
    let id = arg.get_id().as_str().replace('_', "-");
    let help = lookup(&key_of(path, &id)).unwrap_or_default();
    let (rank, heading) = groups::of(path, is_root, &arg);
    let heading = lookup(heading).unwrap_or_default();
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

/// The key of an argument's words: its own, else that of the nearest command above which has one.
fn key_of(path: &str, id: &str) -> String {
    let own = format!("help.{path}.{id}");
    let above = std::iter::successors(Some(path), |path| Some(path.rsplit_once('.')?.0));
    let mut keys = above.chain(["every"]).map(|path| format!("help.{path}.{id}"));
    keys.find(|key| Lang::english().text(key).is_some())
        .unwrap_or(own)
}

/// The names of the commands that a line chose, from the program's own down to the last one.
fn chosen<'a>(root: &'a Command, words: &[OsString]) -> &'a Command {
    words
        .iter()
        .skip(1)
        .take_while(|word| *word != "--")
        .fold(root, |command, word| {
            word.to_str()
                .and_then(|word| command.find_subcommand(word))
                .unwrap_or(command)
        })
}

#[cfg(test)]
mod tests;
