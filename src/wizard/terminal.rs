//! Asking a person at a terminal: the only file that names `dialoguer`.
//!
//! Yes and no are a choice between two words of the language, since dialoguer's own confirm listens for
//! the English letters only. Ctrl-C leaves at once: the cursor is shown again, nothing was written.

use console::Term;
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
    fn yes_no(&self, text: String, default: Option<bool>) -> dialoguer::Result<bool> {
        let words = [self.ui.say(&msg!("ui.yes")), self.ui.say(&msg!("ui.no"))];
        // Where nothing is the default, the cursor stands on the harmless answer.
        let at = usize::from(!default.unwrap_or(false));
        let chosen = Select::with_theme(&*self.theme)
            .with_prompt(text)
            .items(words)
            .default(at)
            .interact()?;
        Ok(chosen == 0)
    }

    /// Asks for a last yes.
    pub fn confirm(&mut self, text: &Msg, default: Option<bool>) -> Result<bool> {
        self.yes_no(self.ui.say(text), default).map_err(|e| failed(&e))
    }

    fn put(&self, question: &Question) -> dialoguer::Result<Reply> {
        let text = self.ui.say(&question.text);
        let theme = &*self.theme;
        match &question.kind {
            Kind::Choice { options, default } => {
                let labels: Vec<_> = options.iter().map(|option| self.ui.say(&option.label)).collect();
                let at = Select::with_theme(theme)
                    .with_prompt(text)
                    .items(&labels)
                    .default(*default)
                    .interact()?;
                Ok(Reply::Text(
                    options
                        .get(at)
                        .map(|option| option.id.clone())
                        .unwrap_or_default(),
                ))
            }
            Kind::Text { default } => {
                let mut input = Input::<String>::with_theme(theme)
                    .with_prompt(text)
                    .allow_empty(true);
                if let Some(default) = default {
                    input = input.default(default.clone());
                }
                Ok(Reply::Text(input.interact_text()?))
            }
            Kind::Secret { optional } => {
                let mut password = Password::with_theme(theme).with_prompt(text);
                if *optional {
                    password = password.allow_empty_password(true);
                }
                Ok(Reply::Secret(Secret::new(password.interact()?.trim())))
            }
            Kind::YesNo { default } => Ok(Reply::Yes(self.yes_no(text, *default)?)),
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
