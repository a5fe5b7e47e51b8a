//! Asking a person at a terminal.
//!
//! Each kind of prompt is a pure machine (`choice`, `entry`, `yes_no`): a key in, a drawing out. One loop
//! here reads keys and draws. The prompts are ours and not dialoguer's, since those know no way back from
//! a line of text, listen for English letters only, show nothing beside a list, and leave typing between
//! two keys to the terminal's echo; their looks are dialoguer's, through its theme (`skin`), so that
//! nobody sees a difference. Where a screen reader reads, `spoken` asks in plain lines instead.
//!
//! What stands on the screen is one answered question a line. A question that is left backwards is wiped.

mod choice;
mod entry;
mod input;
mod keys;
mod line;
mod screen;
mod skin;
mod spoken;
#[cfg(test)]
mod tests;
mod yes_no;

use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, mem};

use console::Term;

use crate::error::{Error, ErrorReason, Result};
use crate::i18n::Msg;
use crate::ui::Ui;

use self::choice::Pick;
use self::entry::Entry;
use self::input::Input;
use self::keys::Key;
use self::screen::Screen;
use self::skin::{Frame, Size, Skin};
use self::yes_no::YesNo;
use super::question::{Prompter, Question, QuestionKind, Reply};

/// What stands for a secret; it has the same length for all of them.
const HIDDEN: &str = "********";
/// What stands for an answer that was left empty.
const NOTHING: &str = "-";

/// What follows a key.
enum Next {
    /// Nothing but another drawing.
    Stay,
    /// The question is answered, or left backwards.
    Take(Reply),
}

/// A kind of prompt.
trait Prompt {
    /// Takes a key.
    fn on(&mut self, key: &Key) -> Next;

    /// What it looks like now, in at most so many columns and rows.
    fn render(&self, skin: &Skin, size: Size) -> Frame;

    /// What is shown of the answer afterwards.
    fn answer(&self, skin: &Skin) -> String;
}

/// The machine for a question.
fn prompt<'q>(skin: &Skin, question: &'q Question) -> Box<dyn Prompt + 'q> {
    let text = skin.say(&question.text);
    match &question.kind {
        QuestionKind::Choice { options, default } => {
            Box::new(Pick::new(text, options, question.port_chart.as_ref(), *default))
        }
        QuestionKind::Text { default } => Box::new(Entry::text(text, default.clone())),
        QuestionKind::Secret { optional } => Box::new(Entry::secret(text, *optional)),
        QuestionKind::YesNo { default } => Box::new(YesNo::new(text, skin.ui.lang(), *default)),
    }
}

/// A question that was asked, and the lines that stand on the screen because of it, from above to below.
#[derive(Debug)]
struct Block {
    question: Msg,
    /// What was shown before it and stays with its answer.
    shown: Vec<String>,
    /// What is said before it: there until it is answered.
    intro: Vec<String>,
    /// The answer.
    answer: Vec<String>,
    /// Why the answer was not taken.
    refusal: Vec<String>,
}

/// Prompts on standard error.
pub struct Terminal {
    skin: Skin,
    screen: Screen,
    input: Input,
    blocks: Vec<Block>,
    /// What was shown since the last answer and belongs to the next question.
    shown: Vec<String>,
    /// The last question was left backwards.
    back: bool,
    /// Whether it was said how to go back, where nothing on the screen says so.
    told: bool,
}

/// Whether the cursor may be hidden, so that the handler of signals must show it. A screen reader's
/// terminal never gets a control sequence.
static DRAWN: AtomicBool = AtomicBool::new(false);

impl Terminal {
    /// Prompts as this screen allows. From here on a signal that ends the program leaves the terminal as
    /// it was found.
    pub fn new(ui: Ui) -> Self {
        // A second handler can't be set; the first one does the same.
        let _ = ctrlc::set_handler(|| {
            if DRAWN.load(Ordering::Relaxed) {
                let _ = Term::stderr().write_str("\x1b[?2004l\x1b[?25h");
            }
            input::restore();
            std::process::exit(i32::from(Error::interrupted().kind.exit_code()));
        });
        console::set_colors_enabled_stderr(ui.colour());
        DRAWN.store(!ui.plain(), Ordering::Relaxed);
        Self {
            skin: Skin::new(ui),
            screen: Screen::new(),
            input: Input::default(),
            blocks: Vec::new(),
            shown: Vec::new(),
            back: false,
            told: false,
        }
    }

    /// Shows lines that belong to the next question: they go where it is left backwards.
    pub fn show(&mut self, text: &str) {
        self.skin.ui.err(text);
        self.shown.extend(text.split('\n').map(str::to_owned));
    }

    /// Asks for a last yes; Esc is a no.
    pub fn confirm(&mut self, text: &Msg, default: Option<bool>) -> Result<bool> {
        let reply = self.ask(&Question::yes_no(text.clone(), default))?;
        Ok(reply == Reply::Yes(true))
    }

    fn draw(&mut self, question: &Question) -> io::Result<Reply> {
        let mut block = self.open(question)?;
        let mut prompt = prompt(&self.skin, question);
        let mut drawn = None;
        loop {
            let size = self.screen.size();
            // Drawn for keys, and for a window of another size, but not for the clock.
            if drawn != Some(size) && !self.input.has_more() {
                self.screen.draw(&prompt.render(&self.skin, size), size)?;
                drawn = Some(size);
            }
            let Some(key) = self.input.key()? else { continue };
            drawn = None;
            if key == Key::Interrupt {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let Next::Take(reply) = prompt.on(&key) else {
                continue;
            };
            self.back = reply == Reply::Back;
            if self.back {
                let above = [&block.shown, &block.intro, &block.refusal];
                self.screen.wipe(above.into_iter().flatten())?;
                return Ok(reply);
            }
            let text = self.skin.say(&question.text);
            let answer = prompt.answer(&self.skin);
            block.answer = self.skin.answered(&text, &answer, self.screen.size().columns);
            self.screen
                .wipe([&block.intro, &block.refusal].into_iter().flatten())?;
            self.screen.keep(&block.answer)?;
            block.refusal.clear();
            self.blocks.push(block);
            return Ok(reply);
        }
    }

    /// Makes room for a question, in the place of its last answer where that was refused or gone back to,
    /// and says what is said before it.
    fn open(&mut self, question: &Question) -> io::Result<Block> {
        let back = mem::take(&mut self.back);
        let shown = mem::take(&mut self.shown);
        let again = |last: &mut Block| last.question == question.text && (back || !last.refusal.is_empty());
        let last = self.blocks.pop_if(again);
        if let Some(last) = &last {
            let below = [&last.answer, &last.refusal, &shown];
            // Gone back to, it is asked as if for the first time.
            let above = back.then_some(&last.shown);
            self.screen.wipe(above.into_iter().chain(below).flatten())?;
            self.screen.keep(&shown)?;
        }
        let columns = self.screen.size().columns;
        let said = question.intro.iter().flat_map(|line| {
            let lines = self.skin.fold(&self.skin.say(line), columns);
            std::iter::once(String::new()).chain(lines)
        });
        let intro: Vec<_> = said.collect();
        let (mut stands, refusal) = last.map_or_else(Default::default, |last| (last.shown, last.refusal));
        if back {
            stands.clear();
        }
        self.screen.keep(&intro)?;
        self.screen.keep(&refusal)?;
        Ok(Block {
            question: question.text.clone(),
            shown: [stands, shown].concat(),
            intro,
            answer: Vec::new(),
            refusal,
        })
    }

    /// Asks with a drawing, the modes of the terminal as this needs them.
    fn drawn(&mut self, question: &Question) -> io::Result<Reply> {
        input::listen()?;
        self.screen.tell_pastes(true)?;
        let reply = self.draw(question);
        if reply.is_err() {
            // Nobody sees it where the terminal is what went away.
            let _ = self.screen.leave();
        }
        let _ = self.screen.tell_pastes(false);
        let _ = input::rest();
        reply
    }
}

impl Prompter for Terminal {
    fn ask(&mut self, question: &Question) -> Result<Reply> {
        if self.skin.ui.plain() {
            let first = !mem::replace(&mut self.told, true);
            return spoken::ask(self.skin.ui, question, first).map_err(failed);
        }
        self.drawn(question).map_err(failed)
    }

    fn show_rejection(&mut self, refusal: &Error) {
        if self.skin.ui.plain() {
            self.skin.ui.refusal(refusal);
            return;
        }
        let lines = self.skin.refusal(refusal, self.screen.size().columns);
        if self.screen.keep(&lines).is_ok()
            && let Some(last) = self.blocks.last_mut()
        {
            last.refusal.extend(lines);
        }
    }
}

impl Drop for Terminal {
    /// A panic comes here too: the cursor is seen again and pastes are keys.
    fn drop(&mut self) {
        if DRAWN.swap(false, Ordering::Relaxed) {
            let _ = self.screen.restore();
        }
    }
}

/// A prompt that ended without an answer: Ctrl-C, or a terminal that went away.
fn failed(cause: io::Error) -> Error {
    let closed = || Error::usage(Msg::new("ui.terminal-gone")).with_reason(ErrorReason::TerminalClosed);
    match cause.kind() {
        io::ErrorKind::Interrupted => Error::interrupted(),
        io::ErrorKind::UnexpectedEof => closed(),
        _ => closed().because(cause),
    }
}
