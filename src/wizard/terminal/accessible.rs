//! Prompts for screen readers and for terminals that cannot repaint: lines that stay as they are.
//!
//! No control sequence is written. Choices are numbered and answered by number or by name, the default is shown, a
//! secret is typed without echo, and a word leads back.

use std::{io, mem};

use console::Term;

use super::filter_prompt;
use super::input::read_line;
use super::yes_no_prompt::{expected_letters, label, letter, parse};
use crate::i18n::{Lang, Msg, msg};
use crate::secret::Secret;
use crate::ui::Ui;
use crate::wizard::question::{Choice, EmptyReply, HELP_WORD, Question, QuestionHelp, QuestionKind, Reply};

/// Maximum number of choices that are read out at once.
const MAX_SPOKEN: usize = 12;

/// The keys of accessible mode that a person was told about, where nothing on the screen shows it.
#[derive(Debug, Default)]
pub(super) struct ToldKeys {
    back: bool,
    help: bool,
}

/// A question of the wizard that is asked in accessible mode: the screen, and the help that it has.
#[derive(Clone, Copy)]
struct SpokenQuestion<'q> {
    ui: Ui,
    help: Option<&'q QuestionHelp>,
}

/// Asks a question of the wizard line by line, for screen readers, until there is a valid answer. The first question
/// of a run says how to go back, and the first one with help how to get it.
pub(super) fn ask(ui: Ui, question: &Question, told: &mut ToldKeys) -> io::Result<Reply> {
    let help = question.help.as_ref();
    let at = SpokenQuestion { ui, help };
    if !mem::replace(&mut told.back, true) {
        let word = back_answers(ui).nth(1).unwrap_or_default();
        ui.eprint_paragraph(&msg!("ui.spoken-back", word = word));
    }
    if help.is_some() && !mem::replace(&mut told.help, true) {
        ui.eprint_paragraph(&msg!("ui.spoken-help", word = HELP_WORD));
    }
    ui.eprint("");
    if let Some((number, total)) = question.progress.filter(|(_, total)| *total > 1) {
        ui.eprint_paragraph(&msg!("ui.spoken-progress", number = number, total = total));
    }
    let why = help.and_then(|help| help.why.as_ref());
    for line in question.intro.iter().chain(why) {
        ui.eprint_paragraph(line);
    }
    ui.eprint_paragraph(&question.text);
    match &question.kind {
        QuestionKind::Choice { options, default } if question.is_filtered => {
            ask_filtered(at, options, *default)
        }
        QuestionKind::Choice { options, default } => {
            ask_choice(at, options, *default, question.offers_language)
        }
        QuestionKind::Text { default } => {
            let typed = read_answer(at, &answer_prompt(default.as_deref()), false)?;
            Ok(match default {
                _ if is_back(ui, &typed) => Reply::Back,
                Some(default) if typed.is_empty() => Reply::Text(default.clone()),
                _ => Reply::Text(typed),
            })
        }
        QuestionKind::Secret { empty } => ask_secret(at, empty.as_ref()),
        QuestionKind::YesNo { default } => ask_yes_no(at, *default, question.offers_language),
    }
}

fn ask_choice(
    at: SpokenQuestion<'_>,
    options: &[Choice],
    default: usize,
    offers_language: bool,
) -> io::Result<Reply> {
    let ui = at.ui;
    for (number, option) in (1..).zip(options) {
        ui.eprint_paragraph(
            &msg!("ui.spoken-option", number = number).with_msg("label", spoken_label(option)),
        );
        for detail in &option.details {
            ui.eprint_paragraph(detail);
        }
    }
    let first = (default + 1).to_string();
    loop {
        let typed = read_answer(at, &answer_prompt(Some(&first)), false)?;
        if is_back(ui, &typed) {
            return Ok(Reply::Back);
        }
        let number = if typed.is_empty() { &first } else { &typed };
        let by_number = number.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        let by_number = by_number.and_then(|at| options.get(at));
        let by_name = || {
            options
                .iter()
                .find(|o| o.id == typed || ui.render(&o.label) == typed)
        };
        if let Some(option) = by_number.or_else(by_name) {
            return Ok(Reply::Text(option.id.clone()));
        }
        if let Some(lang) = typed_language(&typed).filter(|_| offers_language) {
            return Ok(Reply::Language(lang));
        }
        ui.eprint_paragraph(&msg!("ui.spoken-no-choice", value = typed.escape_debug()));
        ui.eprint_paragraph(&msg!("ui.spoken-choice", count = options.len()));
    }
}

/// Asks for one of many choices: a part of a name tells how many there are, and a number or a whole name chooses one.
fn ask_filtered(at: SpokenQuestion<'_>, options: &[Choice], default: usize) -> io::Result<Reply> {
    let ui = at.ui;
    let labels: Vec<_> = options.iter().map(|option| ui.render(&option.label)).collect();
    let chosen = |at: usize| Ok(Reply::Text(options[at].id.clone()));
    ui.eprint_paragraph(&msg!("ui.spoken-filter", count = options.len()));
    let mut shown: Vec<usize> = Vec::new();
    loop {
        let first = labels.get(default).map(String::as_str);
        let typed = read_answer(at, &answer_prompt(first), false)?;
        if is_back(ui, &typed) {
            return Ok(Reply::Back);
        }
        if typed.is_empty() {
            return chosen(default);
        }
        let number = typed
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        let by_number = number.and_then(|at| shown.get(at)).copied();
        let by_name = || labels.iter().position(|label| *label == typed);
        if let Some(at) = by_number.or_else(by_name) {
            return chosen(at);
        }
        let found = filter_prompt::matching(&labels, &typed);
        match found[..] {
            [] => ui.eprint_paragraph(&msg!("ui.filter-none")),
            [at] => return chosen(at),
            _ if found.len() > MAX_SPOKEN => {
                ui.eprint_paragraph(&msg!("ui.spoken-filter-more", count = found.len()));
            }
            _ => {
                for (number, at) in (1..).zip(&found) {
                    let option = msg!("ui.spoken-option", number = number);
                    ui.eprint_paragraph(&option.with_msg("label", options[*at].label.clone()));
                }
                shown = found;
            }
        }
    }
}

/// Reads the line that ends a wait in accessible mode: back, or on to the next question.
pub(super) fn read_line_of_wait(ui: Ui) -> io::Result<Reply> {
    let line = read_line(false, || Ok(()))?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(if is_back(ui, line.trim()) {
        Reply::Back
    } else {
        Reply::Later
    })
}

/// Returns the label of a choice of the wizard as it is spoken, with its value and where that came from.
fn spoken_label(option: &Choice) -> Msg {
    let label = option.label.clone();
    match (&option.value, &option.note) {
        (None, _) => label,
        (Some(value), None) => msg!("ui.spoken-value")
            .with_msg("label", label)
            .with_msg("value", value.clone()),
        (Some(value), Some(note)) => msg!("ui.spoken-value-note")
            .with_msg("label", label)
            .with_msg("value", value.clone())
            .with_msg("note", note.clone()),
    }
}

fn ask_yes_no(at: SpokenQuestion<'_>, default: Option<bool>, offers_language: bool) -> io::Result<Reply> {
    let ui = at.ui;
    let lang = ui.lang();
    for yes in [true, false] {
        ui.eprint_paragraph(
            &msg!("ui.spoken-word", letter = letter(lang, yes)).with_msg("label", label(yes)),
        );
    }
    loop {
        let typed = read_answer(at, &answer_prompt(default.map(|yes| letter(lang, yes))), false)?;
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
        if let Some(lang) = typed_language(&typed).filter(|_| offers_language) {
            return Ok(Reply::Language(lang));
        }
        ui.eprint_paragraph(&expected_letters(lang));
    }
}

fn ask_secret(at: SpokenQuestion<'_>, empty: Option<&EmptyReply>) -> io::Result<Reply> {
    let ui = at.ui;
    let request = match empty {
        Some(empty) => msg!("ui.spoken-hidden-empty").with_msg("enter", empty.enter_msg()),
        None => msg!("ui.spoken-hidden"),
    };
    loop {
        let typed = read_answer(at, &request, true)?;
        if is_back(ui, &typed) {
            return Ok(Reply::Back);
        }
        if empty.is_some() || !typed.is_empty() {
            return Ok(Reply::Secret(Secret::new(typed)));
        }
        ui.eprint_paragraph(&msg!("ui.needed"));
    }
}

/// Returns the sentence that asks for an answer in accessible mode, with the default that Enter takes.
fn answer_prompt(default: Option<&str>) -> Msg {
    match default {
        Some(default) => msg!("ui.spoken-prompt-default", default = default),
        None => msg!("ui.spoken-prompt"),
    }
}

/// Returns the words with which a person goes back to the wizard's previous question, the shortest one first.
fn back_answers(ui: Ui) -> impl Iterator<Item = &'static str> {
    ui.lang().text("ui.back-words").unwrap_or_default().split(' ')
}

fn is_back(ui: Ui, typed: &str) -> bool {
    back_answers(ui).any(|word| word == typed)
}

/// Returns the language whose name a person typed in place of a choice.
fn typed_language(typed: &str) -> Option<Lang> {
    Lang::all().find(|lang| {
        let words = lang.text("language.words").unwrap_or_default();
        words.split(' ').any(|word| word == typed)
    })
}

/// Asks a person for a line of text in accessible mode and reads it; whoever asks for help gets it first. The end of the
/// input is an error.
fn read_answer(at: SpokenQuestion<'_>, request: &Msg, hidden: bool) -> io::Result<String> {
    let ui = at.ui;
    let prompt = || Term::stderr().write_str(&format!("{} ", ui.render(request)));
    loop {
        match read_line(hidden, prompt) {
            Ok(Some(text)) => match at.help.filter(|_| text.trim() == HELP_WORD) {
                Some(help) => speak_help(ui, help),
                None => return Ok(text.trim().to_owned()),
            },
            ended => {
                // The next sentence has a line of its own.
                ui.eprint("");
                return Err(ended.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}

/// Prints the help of a question of the wizard for screen readers, line by line.
fn speak_help(ui: Ui, help: &QuestionHelp) {
    ui.eprint_paragraph(&help.text);
    for (name, value) in &help.rows {
        let row = msg!("ui.spoken-value").with_msg("label", name.clone());
        ui.eprint_paragraph(&row.with_msg("value", value.clone()));
    }
    ui.eprint_paragraph(&help.flag);
}
