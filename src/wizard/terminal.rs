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

use crate::error::{Error, Result};
use crate::i18n::Msg;
use crate::ui::Ui;

use self::choice::Pick;
use self::entry::Entry;
use self::input::Input;
use self::keys::Key;
use self::screen::Screen;
use self::skin::{Frame, Size, Skin};
use self::yes_no::YesNo;
use super::step::{Kind, Prompter, Question, Reply};

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
        Kind::Choice { options, default } => {
            Box::new(Pick::new(text, options, question.picture.as_ref(), *default))
        }
        Kind::Text { default } => Box::new(Entry::text(text, default.clone())),
        Kind::Secret { optional } => Box::new(Entry::secret(text, *optional)),
        Kind::YesNo { default } => Box::new(YesNo::new(text, skin.ui.lang(), *default)),
    }
}

/// A question that was asked and the lines that stand on the screen because of it.
#[derive(Debug)]
struct Block {
    question: Msg,
    lines: Vec<String>,
}

/// Prompts on standard error.
pub struct Terminal {
    skin: Skin,
    screen: Screen,
    input: Input,
    blocks: Vec<Block>,
    /// What was shown since the last answer and belongs to the next question.
    aside: Vec<String>,
    /// The last reply was not taken: its question comes again.
    refused: bool,
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
            aside: Vec::new(),
            refused: false,
            back: false,
            told: false,
        }
    }

    /// Shows lines that belong to the next question: they go where it is left backwards.
    pub fn show(&mut self, text: &str) {
        self.skin.ui.err(text);
        self.aside.extend(text.split('\n').map(str::to_owned));
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
                self.screen.wipe(&block.lines)?;
                return Ok(reply);
            }
            let question = self.skin.say(&question.text);
            let answer = prompt.answer(&self.skin);
            let kept = self.skin.answered(&question, &answer, self.screen.size().columns);
            self.screen.keep(&kept)?;
            block.lines.extend(kept);
            self.blocks.push(block);
            return Ok(reply);
        }
    }

    /// Makes room for a question: wipes its answer where it was gone back to, and says what is said
    /// before it, but not twice where its reply was refused.
    fn open(&mut self, question: &Question) -> io::Result<Block> {
        let (refused, back) = (mem::take(&mut self.refused), mem::take(&mut self.back));
        let aside = mem::take(&mut self.aside);
        let again = |last: &mut Block| (refused || back) && last.question == question.text;
        let mut block = match self.blocks.pop_if(again) {
            Some(mut block) if refused => {
                block.lines.extend(aside);
                return Ok(block);
            }
            Some(mut block) => {
                block.lines.extend(aside.iter().cloned());
                self.screen.wipe(&block.lines)?;
                self.screen.keep(&aside)?;
                Block {
                    lines: aside,
                    ..block
                }
            }
            None => Block {
                question: question.text.clone(),
                lines: aside,
            },
        };
        let columns = self.screen.size().columns;
        let mut intro = Vec::new();
        for line in &question.intro {
            intro.push(String::new());
            intro.extend(self.skin.fold(&self.skin.say(line), columns));
        }
        self.screen.keep(&intro)?;
        block.lines.extend(intro);
        Ok(block)
    }

    /// Asks with a drawing, the modes of the terminal as this needs them.
    fn drawn(&mut self, question: &Question) -> io::Result<Reply> {
        self.input.listen()?;
        self.screen.tell_pastes(true)?;
        let reply = self.draw(question);
        if reply.is_err() {
            // Nobody sees it where the terminal is what went away.
            let _ = self.screen.leave();
        }
        let _ = self.screen.tell_pastes(false);
        self.input.rest();
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

    fn refuse(&mut self, refusal: &Error) {
        if self.skin.ui.plain() {
            self.skin.ui.refusal(refusal);
            return;
        }
        let lines = self.skin.refusal(refusal, self.screen.size().columns);
        if self.screen.keep(&lines).is_ok()
            && let Some(last) = self.blocks.last_mut()
        {
            last.lines.extend(lines);
        }
        self.refused = true;
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
    match cause.kind() {
        io::ErrorKind::Interrupted => Error::interrupted(),
        io::ErrorKind::UnexpectedEof => Error::usage(Msg::new("ui.terminal-gone")),
        _ => Error::usage(Msg::new("ui.terminal-gone")).because(cause),
    }
}
