//! The error of a wrong command line in the user's language, made from clap's error as data and not from its text.

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::{Error, ErrorReason};
use crate::i18n::{Msg, msg};
use crate::text::nearest_words;

/// Returns the error for a command line that is wrong in a way without a sentence of its own.
pub(super) fn unknown() -> Error {
    Error::usage(msg!("cli.usage"))
}

/// Translates a usage error of clap into an error of this program, in the user's language. `command` is the one that
/// the line chose.
pub(super) fn translate(error: &clap::Error, command: &Command) -> Error {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let context = ErrorContext(error);
    let argument = context.first(ContextKind::InvalidArg);
    let translated = match error.kind() {
        ErrorKind::UnknownArgument if argument.starts_with('-') => {
            Error::usage(msg!("cli.unknown-option", word = displayable(&argument)))
        }
        ErrorKind::UnknownArgument => Error::usage(msg!("cli.unknown-word", word = displayable(&argument))),
        ErrorKind::InvalidSubcommand => {
            return unknown_command(command, &context.first(ContextKind::InvalidSubcommand));
        }
        ErrorKind::MissingSubcommand => Error::usage(msg!("cli.missing-command", command = name)),
        ErrorKind::MissingRequiredArgument => Error::usage(msg!(
            "cli.missing-argument",
            words = context.all(ContextKind::InvalidArg)
        )),
        ErrorKind::InvalidValue if context.first(ContextKind::InvalidValue).is_empty() => {
            Error::usage(msg!("cli.missing-value", argument = argument))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => Error::usage(msg!(
            "cli.bad-value",
            argument = argument,
            value = displayable(&context.first(ContextKind::InvalidValue))
        )),
        ErrorKind::TooManyValues => Error::usage(msg!("cli.surplus-value", argument = argument)),
        ErrorKind::ArgumentConflict => {
            let prior = context.all(ContextKind::PriorArg);
            if prior.is_empty() || prior == argument {
                Error::usage(msg!("cli.twice", argument = argument))
            } else {
                Error::usage(msg!("cli.conflict", first = argument, second = prior))
            }
        }
        ErrorKind::InvalidUtf8 => Error::usage(msg!("cli.not-text")),
        _ => unknown(),
    };
    let translated = hints(error.kind(), &context, &argument, command)
        .into_iter()
        .fold(translated, Error::hint);
    translated.hint(msg!("cli.see-help", command = name))
}

/// Returns the error for a word that names no subcommand of a command, with the nearest ones or else all as a hint.
pub(crate) fn unknown_command(command: &Command, word: &str) -> Error {
    let nearest = nearest_commands(word, command);
    let (reason, hint) = if nearest.is_empty() {
        let names: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
        let hint = (!names.is_empty()).then(|| msg!("cli.commands", words = names.join(", ")));
        (ErrorReason::UnknownCommand, hint)
    } else {
        let hint = msg!("cli.did-you-mean", words = nearest.join(", "));
        (ErrorReason::MistypedCommand, Some(hint))
    };
    let error = Error::usage(msg!("cli.unknown-command", word = displayable(word))).with_reason(reason);
    let name = command.get_bin_name().unwrap_or(command.get_name());
    hint.into_iter()
        .fold(error, Error::hint)
        .hint(msg!("cli.see-help", command = name))
}

/// Returns the hints to a usage error: what can be typed instead.
fn hints(kind: ErrorKind, context: &ErrorContext<'_>, argument: &str, command: &Command) -> Vec<Msg> {
    let mut hints = Vec::new();
    let nearest = match kind {
        ErrorKind::UnknownArgument => nearest_options(argument, command).join(", "),
        _ => context.all(ContextKind::SuggestedValue),
    };
    if !nearest.is_empty() {
        hints.push(msg!("cli.did-you-mean", words = nearest));
    }
    let values = context.all(ContextKind::ValidValue);
    if !values.is_empty() {
        hints.push(msg!("cli.values", words = values));
    }
    match kind {
        ErrorKind::MissingSubcommand if hints.is_empty() => {
            let names: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
            hints.push(msg!("cli.commands", words = names.join(", ")));
        }
        // The help of the argument says in the right language what its number must be.
        ErrorKind::ValueValidation | ErrorKind::InvalidValue if hints.is_empty() => {
            let meant = command.get_arguments().find(|arg| arg.to_string() == argument);
            if let Some(help) = meant.and_then(|arg| arg.get_help()) {
                hints.push(msg!("cli.meaning", argument = argument, help = help));
            }
        }
        _ => {}
    }
    hints
}

/// Returns the subcommands of a command that were probably meant by a mistyped word.
fn nearest_commands(word: &str, command: &Command) -> Vec<String> {
    let commands = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    let nearest = nearest_words(word, commands.map(Command::get_name));
    nearest.into_iter().map(str::to_owned).collect()
}

/// Returns the options of a command that were probably meant by a mistyped one, as they are typed.
fn nearest_options(typed: &str, command: &Command) -> Vec<String> {
    let typed = typed.split('=').next().unwrap_or_default();
    if !typed.starts_with("--") {
        return Vec::new();
    }
    let options = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let nearest = nearest_words(typed, options.filter_map(|arg| arg.get_long()));
    nearest.into_iter().map(|name| format!("--{name}")).collect()
}

/// Returns a word that the user typed, escaped for the screen: control characters would move the cursor.
fn displayable(word: &str) -> String {
    word.escape_debug()
        .to_string()
        .replace("\\'", "'")
        .replace("\\\"", "\"")
}

/// The context that clap attaches to a usage error: the words and arguments that it is about.
struct ErrorContext<'a>(&'a clap::Error);

impl ErrorContext<'_> {
    /// Returns the first text of a kind in the context of clap's error, or an empty text.
    fn first(&self, kind: ContextKind) -> String {
        match self.0.get(kind) {
            Some(ContextValue::String(text)) => text.clone(),
            Some(ContextValue::Strings(texts)) => texts.first().cloned().unwrap_or_default(),
            _ => String::new(),
        }
    }

    /// Returns all texts of a kind in the context of clap's error, separated by commas.
    fn all(&self, kind: ContextKind) -> String {
        match self.0.get(kind) {
            Some(ContextValue::String(text)) => text.clone(),
            Some(ContextValue::Strings(texts)) => texts.join(", "),
            _ => String::new(),
        }
    }
}
