//! Asking where a screen reader reads, or where the terminal can't repaint: lines that stay as they are.
//!
//! Not one control sequence is written. Choices are numbered and answered by number or by name, the
//! default is said, a secret is typed without echo, and a word leads back.

use std::io;

use console::Term;

use super::input::line;
use super::yes_no::{label, letter, parse, wanted};
use crate::i18n::{Msg, msg};
use crate::secret::Secret;
use crate::ui::Ui;
use crate::wizard::question::{Choice, Question, QuestionKind, Reply};

/// Asks until there is an answer; the first question says how to go back.
pub(super) fn ask(ui: Ui, question: &Question, first: bool) -> io::Result<Reply> {
    if first {
        let word = back_words(ui).nth(1).unwrap_or_default();
        ui.prose(&msg!("ui.spoken-back", word = word));
    }
    ui.err("");
    for line in &question.intro {
        ui.prose(line);
    }
    ui.prose(&question.text);
    match &question.kind {
        QuestionKind::Choice { options, default } => choice(ui, options, *default),
        QuestionKind::Text { default } => {
            let typed = typed(ui, &answer(default.as_deref()), false)?;
            Ok(match default {
                _ if is_back(ui, &typed) => Reply::Back,
                Some(default) if typed.is_empty() => Reply::Text(default.clone()),
                _ => Reply::Text(typed),
            })
        }
        QuestionKind::Secret { optional } => secret(ui, *optional),
        QuestionKind::YesNo { default } => yes_no(ui, *default),
    }
}

fn choice(ui: Ui, options: &[Choice], default: usize) -> io::Result<Reply> {
    for (number, option) in (1..).zip(options) {
        ui.prose(&msg!("ui.spoken-option", number = number).with_msg("label", option.label.clone()));
        for detail in &option.details {
            ui.prose(detail);
        }
    }
    let first = (default + 1).to_string();
    loop {
        let typed = typed(ui, &answer(Some(&first)), false)?;
        if is_back(ui, &typed) {
            return Ok(Reply::Back);
        }
        let wanted = if typed.is_empty() { &first } else { &typed };
        let by_number = wanted.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        let by_number = by_number.and_then(|at| options.get(at));
        let by_name = || {
            options
                .iter()
                .find(|o| o.id == typed || ui.say(&o.label) == typed)
        };
        if let Some(option) = by_number.or_else(by_name) {
            return Ok(Reply::Text(option.id.clone()));
        }
        ui.prose(&msg!("ui.spoken-no-choice", value = typed.escape_debug()));
        ui.prose(&msg!("ui.spoken-choice", count = options.len()));
    }
}

fn yes_no(ui: Ui, default: Option<bool>) -> io::Result<Reply> {
    let lang = ui.lang();
    for yes in [true, false] {
        ui.prose(&msg!("ui.spoken-word", letter = letter(lang, yes)).with_msg("label", label(yes)));
    }
    loop {
        let typed = typed(ui, &answer(default.map(|yes| letter(lang, yes))), false)?;
        if is_back(ui, &typed) {
            return Ok(Reply::Back);
        }
        let meant = if typed.is_empty() {
            default
        } else {
            parse(lang, &typed)
        };
        if let Some(yes) = meant {
            return Ok(Reply::Yes(yes));
        }
        ui.prose(&wanted(lang));
    }
}

fn secret(ui: Ui, optional: bool) -> io::Result<Reply> {
    let wanted = if optional {
        msg!("ui.spoken-hidden-optional")
    } else {
        msg!("ui.spoken-hidden")
    };
    loop {
        let typed = typed(ui, &wanted, true)?;
        if is_back(ui, &typed) {
            return Ok(Reply::Back);
        }
        if optional || !typed.is_empty() {
            return Ok(Reply::Secret(Secret::new(typed)));
        }
        ui.prose(&msg!("ui.needed"));
    }
}

/// What asks for an answer, with what Enter takes.
fn answer(default: Option<&str>) -> Msg {
    match default {
        Some(default) => msg!("ui.spoken-prompt-default", default = default),
        None => msg!("ui.spoken-prompt"),
    }
}

/// The words that lead back, the shortest one first.
fn back_words(ui: Ui) -> impl Iterator<Item = &'static str> {
    ui.lang().text("ui.back-words").unwrap_or_default().split(' ')
}

fn is_back(ui: Ui, typed: &str) -> bool {
    back_words(ui).any(|word| word == typed)
}

/// Asks for a line and reads it; the end of input is an error.
fn typed(ui: Ui, asked: &Msg, hidden: bool) -> io::Result<String> {
    let prompt = || Term::stderr().write_str(&format!("{} ", ui.say(asked)));
    match line(hidden, prompt) {
        Ok(Some(text)) => Ok(text.trim().to_owned()),
        ended => {
            // What is said next has a line of its own.
            ui.err("");
            Err(ended.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()))
        }
    }
}
