//! Asking a person at a terminal: the only file that names `dialoguer`.
//!
//! Yes and no are a choice between two words of the language, since dialoguer's own confirm listens for
//! the English letters only. Ctrl-C leaves at once: the cursor is shown again, nothing was written.

use console::{Term, measure_text_width};
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Input, Password, Select};

use crate::error::{Error, Result};
use crate::i18n::Msg;
use crate::msg;
use crate::secret::Secret;
use crate::ui::Ui;

use super::step::{Kind, Prompter, Question, Reply};

/// Prompts on standard error by dialoguer.
pub struct Terminal {
    ui: Ui,
    theme: Box<dyn Theme>,
}

impl Terminal {
    /// Prompts as this screen allows. From here on Ctrl-C ends the program with the cursor shown: a
    /// dialoguer prompt hides it, and puts it back only where it returns (dialoguer issue 77).
    pub fn new(ui: Ui) -> Self {
        // A second handler can't be set; the first one does the same.
        let _ = ctrlc::set_handler(|| {
            let _ = Term::stderr().show_cursor();
            std::process::exit(i32::from(Error::interrupted().kind.exit_code()));
        });
        let theme: Box<dyn Theme> = if ui.colour() && !ui.ascii() {
            Box::new(ColorfulTheme::default())
        } else {
            Box::new(SimpleTheme)
        };
        Self { ui, theme }
    }

    /// Yes or no, in the words of the language; `None` makes the user choose.
    fn yes_no(&self, text: &str, default: Option<bool>) -> dialoguer::Result<bool> {
        let words = vec![self.ui.say(&msg!("ui.yes")), self.ui.say(&msg!("ui.no"))];
        // Where nothing is the default, the cursor stands on the harmless answer.
        let at = usize::from(!default.unwrap_or(false));
        Ok(self.select(text, words, at)? == 0)
    }

    fn select(&self, text: &str, labels: Vec<String>, default: usize) -> dialoguer::Result<usize> {
        // A label of two lines would not be wiped away whole when the cursor moves.
        let fit = |label: String| console::truncate_str(&label, self.room(), "…").into_owned();
        let select = Select::with_theme(&*self.theme).with_prompt(self.heading(text));
        select
            .items(labels.into_iter().map(fit))
            .default(default)
            .interact()
    }

    /// Columns that dialoguer leaves beside its marks.
    fn room(&self) -> usize {
        self.ui.width().saturating_sub(6)
    }

    /// The prompt for a question: itself, or where it is too long for a line, only its last words; the
    /// whole of it stands above then.
    fn heading(&self, text: &str) -> String {
        if measure_text_width(text) <= self.room() {
            return text.to_owned();
        }
        let mut lines = self.ui.broken(text, self.room());
        let last = lines.pop().unwrap_or_default();
        for line in &lines {
            self.ui.err(line);
        }
        last
    }

    /// Asks for a last yes.
    pub fn confirm(&mut self, text: &Msg, default: Option<bool>) -> Result<bool> {
        self.yes_no(&self.ui.say(text), default).map_err(|e| failed(&e))
    }

    fn put(&self, question: &Question) -> dialoguer::Result<Reply> {
        let text = self.ui.say(&question.text);
        let theme = &*self.theme;
        match &question.kind {
            Kind::Choice { options, default } => {
                let labels = options.iter().map(|option| self.ui.say(&option.label)).collect();
                let at = self.select(&text, labels, *default)?;
                Ok(Reply::Text(
                    options
                        .get(at)
                        .map(|option| option.id.clone())
                        .unwrap_or_default(),
                ))
            }
            Kind::Text { default } => {
                let mut input = Input::<String>::with_theme(theme)
                    .with_prompt(self.heading(&text))
                    .allow_empty(true);
                if let Some(default) = default {
                    let beside = measure_text_width(&text) + measure_text_width(default) + 3 <= self.room();
                    if !beside {
                        self.ui.err(&format!("  {default}"));
                    }
                    input = input.default(default.clone()).show_default(beside);
                }
                Ok(Reply::Text(input.interact_text()?))
            }
            Kind::Secret { optional } => {
                let mut password = Password::with_theme(theme).with_prompt(self.heading(&text));
                if *optional {
                    password = password.allow_empty_password(true);
                }
                Ok(Reply::Secret(Secret::new(password.interact()?.trim())))
            }
            Kind::YesNo { default } => Ok(Reply::Yes(self.yes_no(&text, *default)?)),
        }
    }
}

impl Prompter for Terminal {
    fn ask(&mut self, question: &Question) -> Result<Reply> {
        for line in &question.intro {
            self.ui.err("");
            self.ui.prose(line);
        }
        self.put(question).map_err(|e| failed(&e))
    }

    fn refuse(&mut self, refusal: &Error) {
        self.ui.refusal(refusal);
    }
}

/// A prompt that ended without an answer: Ctrl-C, or a terminal that went away.
fn failed(error: &dialoguer::Error) -> Error {
    let _ = Term::stderr().show_cursor();
    let dialoguer::Error::IO(cause) = error;
    match cause.kind() {
        std::io::ErrorKind::Interrupted => Error::interrupted(),
        _ => Error::usage(Msg::new("ui.terminal-gone")).because(anyhow::Error::msg(cause.to_string())),
    }
}
