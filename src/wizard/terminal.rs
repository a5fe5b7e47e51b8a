//! Questions at a terminal.
//!
//! Each kind of prompt is a pure state machine ([`prompt::Prompt`]): a key goes in, a drawing comes out. One loop here
//! reads keys and draws. The prompts are ours and not dialoguer's, since those cannot go back from a line of text,
//! accept English letters only, show nothing beside a list, and leave typing between two keys to the terminal's echo;
//! their look is dialoguer's, through its theme, so that nobody sees a difference. For a screen reader, `accessible`
//! asks in plain lines instead.
//!
//! An answered question stays on the screen as one line. A question that is left backwards is erased.

mod accessible;
mod completion;
pub(crate) mod conversation;
mod filter_prompt;
mod input;
mod keys;
mod line_editor;
pub(crate) mod live;
mod prompt;
mod screen;
mod select_prompt;
#[cfg(test)]
mod tests;
mod text_prompt;
mod theme;
mod waiting;
mod yes_no_prompt;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{io, mem};

use console::Term;

use crate::error::{Error, ErrorReason, Result};
use crate::i18n::{Lang, Msg, msg};
use crate::ui::Ui;

use self::accessible::ToldKeys;
use self::filter_prompt::FilterPrompt;
use self::input::KeyReader;
use self::keys::Key;
use self::prompt::{KeyOutcome, Prompt};
use self::screen::Screen;
use self::select_prompt::SelectPrompt;
use self::text_prompt::TextPrompt;
use self::theme::PromptTheme;
use self::yes_no_prompt::YesNoPrompt;
use super::question::{Prompter, Question, QuestionHelp, QuestionKind, Reply};
use super::waiting::{WaitEnd, Waiting};

/// Creates the terminal prompt for a question of the wizard.
fn prompt<'q>(theme: &PromptTheme, question: &'q Question) -> Box<dyn Prompt + 'q> {
    let text = theme.text(&question.text);
    match &question.kind {
        QuestionKind::Choice { options, default } if question.is_filtered => {
            Box::new(FilterPrompt::new(theme, question, text, options, *default))
        }
        QuestionKind::Choice { options, default } => {
            let chart = question.port_chart.as_ref();
            let prompt = SelectPrompt::new(text, options, chart, *default);
            Box::new(prompt.with_keys_of(question, theme))
        }
        QuestionKind::Text { default } => {
            Box::new(TextPrompt::text(text, default.clone()).with_keys_of(question))
        }
        QuestionKind::Secret { empty } => {
            Box::new(TextPrompt::secret(text, empty.clone()).with_keys_of(question))
        }
        QuestionKind::YesNo { default } => {
            let prompt = YesNoPrompt::new(text, theme.ui.lang(), *default);
            Box::new(prompt.with_keys_of(question))
        }
    }
}

/// Indentation of the line that says what became of a reply, below the reply.
const ECHO_INDENT: &str = "  ";

/// The lines on the screen that belong to one question of the wizard, from top to bottom.
#[derive(Debug)]
struct QuestionBlock {
    question: Msg,
    /// Lines that were shown before the question and stay with its answer.
    shown: Vec<String>,
    /// The introduction, until the question is answered.
    intro: Vec<String>,
    answer: Vec<String>,
    /// The reason why the answer was rejected, and the ways out.
    rejection: Vec<String>,
    /// The help, while it is shown.
    help: Vec<String>,
}

impl QuestionBlock {
    /// Returns the lines above the prompt of a question that go when it is answered, from top to bottom.
    fn fleeting(&self) -> impl Iterator<Item = &String> {
        [&self.intro, &self.rejection, &self.help].into_iter().flatten()
    }
}

/// Asks the wizard's questions at the terminal, with prompts on standard error.
pub(crate) struct Terminal {
    theme: PromptTheme,
    screen: Screen,
    input: KeyReader,
    blocks: Vec<QuestionBlock>,
    /// Lines that were shown since the last answer and belong to the next question.
    shown: Vec<String>,
    /// `true` if the last question was left backwards.
    went_back: bool,
    /// The keys that the person was told about, where nothing on the screen shows them.
    told: ToldKeys,
}

/// `true` if the terminal's cursor may be hidden, so that the signal handler must show it. A screen reader's terminal
/// never gets a control sequence.
static MAY_HIDE_CURSOR: AtomicBool = AtomicBool::new(false);

/// `true` while another program uses the terminal. A Ctrl-C is for that program then, as in a shell.
static IS_RELEASED: AtomicBool = AtomicBool::new(false);
/// Number of signals that were left to the program which uses the terminal.
static SIGNALS_LEFT: AtomicUsize = AtomicUsize::new(0);

impl Terminal {
    /// Creates the wizard's terminal, whose prompts are drawn as this screen allows them. From here on a signal that
    /// ends the program leaves the terminal as it was found.
    pub(crate) fn new(ui: Ui) -> Self {
        // A second handler cannot be set, and the first one does the same.
        let _ = ctrlc::set_handler(|| {
            if IS_RELEASED.load(Ordering::SeqCst) {
                SIGNALS_LEFT.fetch_add(1, Ordering::SeqCst);
                return;
            }
            if MAY_HIDE_CURSOR.load(Ordering::Relaxed) {
                screen::end_drawing();
                let _ = Term::stderr().write_str("\x1b[?2004l\x1b[?25h");
            }
            input::restore();
            std::process::exit(i32::from(Error::interrupted().kind.exit_code()));
        });
        console::set_colors_enabled_stderr(ui.colour());
        MAY_HIDE_CURSOR.store(!ui.plain(), Ordering::Relaxed);
        Self {
            theme: PromptTheme::new(ui),
            screen: Screen::new(),
            input: KeyReader::default(),
            blocks: Vec::new(),
            shown: Vec::new(),
            went_back: false,
            told: ToldKeys::default(),
        }
    }

    /// Shows lines that belong to the wizard's next question: they are erased where the person goes back from it.
    pub(crate) fn show(&mut self, text: &str) {
        self.theme.ui.eprint(text);
        self.shown.extend(text.split('\n').map(str::to_owned));
    }

    /// Shows sentences that stay above the wizard's first question, until the wizard goes on in another language.
    pub(crate) fn show_heading(&mut self, sentences: &[Msg]) {
        let ui = self.theme.ui;
        let lines = sentences.iter().flat_map(|sentence| ui.paragraph_lines(sentence));
        let lines: Vec<_> = lines.inspect(|line| ui.eprint(line)).collect();
        self.blocks.push(QuestionBlock {
            question: Msg::new("onboard.welcome"),
            shown: lines,
            intro: Vec::new(),
            answer: Vec::new(),
            rejection: Vec::new(),
            help: Vec::new(),
        });
    }

    /// Erases everything that the wizard has shown on the terminal, and goes on in another language. A screen reader's
    /// terminal keeps it.
    pub(crate) fn start_over(&mut self, lang: Lang) {
        let blocks = mem::take(&mut self.blocks);
        let lines = blocks
            .iter()
            .flat_map(|block| [&block.shown, &block.answer, &block.rejection])
            .flatten();
        if !self.theme.ui.plain() {
            // Nobody sees it where the terminal itself is gone.
            let _ = self.screen.erase_with(lines.chain(&self.shown));
        }
        self.settle();
        self.theme = PromptTheme::new(self.theme.ui.with_lang(lang));
    }

    /// Runs something that uses the terminal itself, such as an editor, with the modes that the terminal was found with.
    pub(crate) fn release<T>(&mut self, run: impl FnOnce() -> T) -> T {
        input::restore();
        IS_RELEASED.store(true, Ordering::SeqCst);
        let result = run();
        IS_RELEASED.store(false, Ordering::SeqCst);
        // From the next question on nothing is echoed again.
        self.screen.forget_drawing();
        result
    }

    /// Leaves everything on the terminal as it is from now on: lines that are no question's were printed below.
    pub(crate) fn settle(&mut self) {
        self.blocks.clear();
        self.shown.clear();
        self.went_back = false;
    }

    /// Asks the person at the terminal for a final yes. It is a question without one before it: Esc is a no.
    pub(crate) fn confirm(&mut self, text: &Msg, default: Option<bool>) -> Result<bool> {
        let reply = self.ask(&Question::yes_no(text.clone(), default).with_cancel())?;
        Ok(reply == Reply::Yes(true))
    }

    /// Asks a question of the wizard with a drawn prompt, with the modes of the terminal set for it.
    fn ask_drawn(&mut self, question: &Question) -> io::Result<Reply> {
        input::set_question_mode()?;
        self.screen.set_bracketed_paste(true)?;
        let reply = self.run_prompt(question);
        if reply.is_err() {
            // Nobody sees it where the terminal itself is gone.
            let _ = self.screen.leave_drawing();
        }
        let _ = self.screen.set_bracketed_paste(false);
        let _ = input::set_idle_mode();
        reply
    }

    fn run_prompt(&mut self, question: &Question) -> io::Result<Reply> {
        let mut block = self.begin_question(question)?;
        let mut prompt = prompt(&self.theme, question);
        let mut drawn_size = None;
        loop {
            let size = self.screen.size();
            // Drawn after keys and after a change of the window's size, and not at every timeout.
            if drawn_size != Some(size) && !self.input.has_pending() {
                self.screen.draw(&prompt.render(&self.theme, size), size)?;
                drawn_size = Some(size);
            }
            let Some(key) = self.input.next_key()? else {
                continue;
            };
            drawn_size = None;
            match key {
                Key::Interrupt => return Err(io::ErrorKind::Interrupted.into()),
                Key::Suspend => {
                    self.suspend()?;
                    continue;
                }
                _ => {}
            }
            if let Some(help) = &question.help
                && prompt.asks_for_help(&key)
            {
                self.toggle_help(&mut block, help)?;
                continue;
            }
            let outcome = match key {
                Key::Language if question.offers_language => {
                    KeyOutcome::Answered(Reply::Language(self.theme.ui.lang().next()))
                }
                key => prompt.handle_key(&key),
            };
            let KeyOutcome::Answered(reply) = outcome else {
                continue;
            };
            self.went_back = reply == Reply::Back;
            if matches!(reply, Reply::Back | Reply::Language(_)) {
                self.screen
                    .erase_with(block.shown.iter().chain(block.fleeting()))?;
                return Ok(reply);
            }
            let text = self.theme.text(&question.text);
            let answer = prompt.answer_text(&self.theme);
            let columns = self.screen.size().columns;
            block.answer = self.answered_lines(&text, &answer, columns);
            self.screen.erase_with(block.fleeting())?;
            self.screen.print_lines(&block.answer)?;
            block.rejection.clear();
            block.help.clear();
            self.blocks.push(block);
            return Ok(reply);
        }
    }

    /// Shows the help of a question above its prompt, or takes it away again.
    fn toggle_help(&mut self, block: &mut QuestionBlock, help: &QuestionHelp) -> io::Result<()> {
        if block.help.is_empty() {
            block.help = self.theme.help_lines(help, self.screen.size().columns);
            self.screen.print_lines(&block.help)
        } else {
            self.screen.erase_with(mem::take(&mut block.help).iter())
        }
    }

    /// Returns the lines that stay on the terminal of an answered question, with the blank line before them.
    fn answered_lines(&self, question: &str, answer: &str, columns: usize) -> Vec<String> {
        let lines = self.theme.answered_lines(question, answer, columns).into_iter();
        std::iter::once(String::new()).chain(lines).collect()
    }

    /// Stops the program as Ctrl-Z does elsewhere, with the modes that the terminal was found with. Returns when the person
    /// continues it; the prompt is drawn anew then.
    fn suspend(&mut self) -> io::Result<()> {
        self.screen.leave_drawing()?;
        self.screen.set_bracketed_paste(false)?;
        input::restore();
        input::suspend();
        input::set_question_mode()?;
        self.screen.set_bracketed_paste(true)
    }

    /// Prints the introduction of a wizard's question on the terminal; in the place of its last answer, where that
    /// was rejected or gone back to.
    fn begin_question(&mut self, question: &Question) -> io::Result<QuestionBlock> {
        let went_back = mem::take(&mut self.went_back);
        let shown = mem::take(&mut self.shown);
        let is_again = |last: &mut QuestionBlock| {
            last.question == question.text && (went_back || !last.rejection.is_empty())
        };
        let last = self.blocks.pop_if(is_again);
        if let Some(last) = &last {
            let below = [&last.answer, &last.rejection, &shown];
            // A question that is gone back to is asked as if for the first time.
            let above = went_back.then_some(&last.shown);
            self.screen.erase_with(above.into_iter().chain(below).flatten())?;
            self.screen.print_lines(&shown)?;
        }
        let columns = self.screen.size().columns;
        // A blank line is between two questions, and between two lines of an introduction.
        let intro = question.intro.iter().flat_map(|line| {
            let lines = self.theme.wrap_plain(&self.theme.text(line), columns);
            std::iter::once(String::new()).chain(lines)
        });
        let mut intro: Vec<_> = intro.collect();
        let why = question.help.as_ref().and_then(|help| help.why.as_ref());
        if why.is_some() || intro.is_empty() {
            intro.push(String::new());
        }
        intro.extend(
            why.map(|why| self.theme.why_lines(why, columns))
                .into_iter()
                .flatten(),
        );
        let (mut kept, rejection) = last.map_or_else(Default::default, |last| (last.shown, last.rejection));
        if went_back {
            kept.clear();
        }
        self.screen.print_lines(&intro)?;
        self.screen.print_lines(&rejection)?;
        Ok(QuestionBlock {
            question: question.text.clone(),
            shown: [kept, shown].concat(),
            intro,
            answer: Vec::new(),
            rejection,
            help: Vec::new(),
        })
    }
}

impl Prompter for Terminal {
    fn ask(&mut self, question: &Question) -> Result<Reply> {
        let reply = if self.theme.ui.plain() {
            accessible::ask(self.theme.ui, question, &mut self.told)
        } else {
            self.ask_drawn(question)
        };
        reply.map_err(prompt_error)
    }

    fn show_answer(&mut self, question: &Question, reply: &Reply) {
        let (text, answer) = (
            self.theme.text(&question.text),
            self.theme.text(&question.shown_reply(reply)),
        );
        if self.theme.ui.plain() {
            self.theme
                .ui
                .eprint_paragraph(&msg!("ui.spoken-answered", question = text, answer = answer));
            return;
        }
        let answer = self.answered_lines(&text, &answer, self.screen.size().columns);
        if self.screen.print_lines(&answer).is_ok() {
            self.blocks.push(QuestionBlock {
                question: question.text.clone(),
                shown: mem::take(&mut self.shown),
                intro: Vec::new(),
                answer,
                rejection: Vec::new(),
                help: Vec::new(),
            });
        }
    }

    fn show_rejection(&mut self, rejection: &Error) {
        if self.theme.ui.plain() {
            self.theme.ui.print_rejection(rejection);
            return;
        }
        let lines = self.theme.rejection_lines(rejection, self.screen.size().columns);
        if self.screen.print_lines(&lines).is_ok()
            && let Some(last) = self.blocks.last_mut()
        {
            last.rejection.extend(lines);
        }
    }

    fn show_echo(&mut self, echo: &Msg) {
        if self.theme.ui.plain() {
            self.theme.ui.eprint_paragraph(echo);
            return;
        }
        let text = self.theme.text(echo);
        let lines = self.theme.wrap_plain(
            &text,
            self.screen.size().columns.saturating_sub(ECHO_INDENT.len()),
        );
        let lines: Vec<_> = lines.iter().map(|line| format!("{ECHO_INDENT}{line}")).collect();
        if self.screen.print_lines(&lines).is_ok()
            && let Some(last) = self.blocks.last_mut()
        {
            last.answer.extend(lines);
        }
    }

    fn forget_answer(&mut self) {
        if self.theme.ui.plain() {
            return;
        }
        if let Some(last) = self.blocks.pop() {
            let lines = [&last.shown, &last.answer, &last.rejection];
            // Nobody sees it where the terminal itself is gone.
            let _ = self.screen.erase_with(lines.into_iter().flatten());
        }
    }

    fn wait(&mut self, waiting: &Waiting, is_over: &mut dyn FnMut() -> bool) -> Result<WaitEnd> {
        let end = if self.theme.ui.plain() {
            self.wait_spoken(waiting, is_over)
        } else {
            self.wait_drawn(waiting, is_over)
        };
        end.map_err(prompt_error)
    }
}

impl Drop for Terminal {
    /// Restores the terminal's cursor and the pasting of text as plain keys; a panic ends here too.
    fn drop(&mut self) {
        if MAY_HIDE_CURSOR.swap(false, Ordering::Relaxed) {
            let _ = self.screen.restore();
        }
    }
}

/// Returns the error of a terminal prompt that ended without an answer: Ctrl-C, or a terminal that was closed.
fn prompt_error(cause: io::Error) -> Error {
    let closed = || Error::usage(Msg::new("ui.terminal-gone")).with_reason(ErrorReason::TerminalClosed);
    match cause.kind() {
        io::ErrorKind::Interrupted => Error::interrupted(),
        io::ErrorKind::UnexpectedEof => closed(),
        _ => closed().because(cause),
    }
}
