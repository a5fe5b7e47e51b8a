//! A wrong command line in the user's language, from what clap knows and not from what it says.

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::{Error, ErrorReason};
use crate::i18n::{Msg, msg};

/// A line that is wrong in a way that has no words of its own.
pub(super) fn unknown() -> Error {
    Error::usage(msg!("cli.usage"))
}

/// The error in words that are not in any language yet. `command` is the one that the line chose.
pub(super) fn translate(fault: &clap::Error, command: &Command) -> Error {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let facts = Facts(fault);
    let argument = facts.one(ContextKind::InvalidArg);
    let error = match fault.kind() {
        ErrorKind::UnknownArgument if argument.starts_with('-') => {
            Error::usage(msg!("cli.unknown-option", word = shown(&argument)))
        }
        ErrorKind::UnknownArgument => Error::usage(msg!("cli.unknown-word", word = shown(&argument))),
        ErrorKind::InvalidSubcommand => {
            let word = facts.one(ContextKind::InvalidSubcommand);
            Error::usage(msg!("cli.unknown-command", word = shown(&word)))
                .with_reason(ErrorReason::UnknownCommand)
        }
        ErrorKind::MissingSubcommand => Error::usage(msg!("cli.missing-command", command = name)),
        ErrorKind::MissingRequiredArgument => Error::usage(msg!(
            "cli.missing-argument",
            words = facts.all(ContextKind::InvalidArg)
        )),
        ErrorKind::InvalidValue if facts.one(ContextKind::InvalidValue).is_empty() => {
            Error::usage(msg!("cli.missing-value", argument = argument))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => Error::usage(msg!(
            "cli.bad-value",
            argument = argument,
            value = shown(&facts.one(ContextKind::InvalidValue))
        )),
        ErrorKind::TooManyValues => Error::usage(msg!("cli.surplus-value", argument = argument)),
        ErrorKind::ArgumentConflict => {
            let prior = facts.all(ContextKind::PriorArg);
            if prior.is_empty() || prior == argument {
                Error::usage(msg!("cli.twice", argument = argument))
            } else {
                Error::usage(msg!("cli.conflict", first = argument, second = prior))
            }
        }
        ErrorKind::InvalidUtf8 => Error::usage(msg!("cli.not-text")),
        _ => unknown(),
    };
    let error = ways_out(fault.kind(), &facts, &argument, command)
        .into_iter()
        .fold(error, Error::hint);
    error.hint(msg!("cli.see-help", command = name))
}

fn ways_out(kind: ErrorKind, facts: &Facts<'_>, argument: &str, command: &Command) -> Vec<Msg> {
    let mut hints = Vec::new();
    let nearest = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ];
    for words in nearest.map(|kind| facts.all(kind)) {
        if !words.is_empty() {
            hints.push(msg!("cli.did-you-mean", words = words));
        }
    }
    let values = facts.all(ContextKind::ValidValue);
    if !values.is_empty() {
        hints.push(msg!("cli.values", words = values));
    }
    match kind {
        ErrorKind::InvalidSubcommand | ErrorKind::MissingSubcommand if hints.is_empty() => {
            let names: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
            hints.push(msg!("cli.commands", words = names.join(", ")));
        }
        // What a number must be is said by the argument's own help, in the right language.
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

/// A word of the user's as it can be shown: control characters would move the cursor.
fn shown(word: &str) -> String {
    word.escape_debug()
        .to_string()
        .replace("\\'", "'")
        .replace("\\\"", "\"")
}

/// What clap knows of an error.
struct Facts<'a>(&'a clap::Error);

impl Facts<'_> {
    fn one(&self, kind: ContextKind) -> String {
        match self.0.get(kind) {
            Some(ContextValue::String(text)) => text.clone(),
            Some(ContextValue::Strings(texts)) => texts.first().cloned().unwrap_or_default(),
            _ => String::new(),
        }
    }

    fn all(&self, kind: ContextKind) -> String {
        match self.0.get(kind) {
            Some(ContextValue::String(text)) => text.clone(),
            Some(ContextValue::Strings(texts)) => texts.join(", "),
            _ => String::new(),
        }
    }
}
