//! The drawing of a wait, and the keys that end it: a spinner, and above it what the person is to do meanwhile.

use std::io;
use std::time::{Duration, Instant};

use console::Style;

use super::Terminal;
use super::input;
use super::keys::Key;
use super::theme::{Frame, KeyHint, MARK_WIDTH, PromptTheme, TerminalSize};
use crate::i18n::msg;
use crate::wizard::question::{Question, Reply};
use crate::wizard::waiting::{Invitation, WaitEnd, Waiting};

/// Time after which a wait is drawn. Most servers answer before.
const DRAW_DELAY: Duration = Duration::from_millis(150);
/// Interval at which a wait looks whether it is over, and turns the spinner.
const TICK: Duration = Duration::from_millis(60);
/// The shapes of the spinner.
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// The shapes of the spinner in ASCII.
const ASCII_SPINNER: [&str; 4] = ["-", "\\", "|", "/"];
/// Number of ticks for one turn of the spinner. An invitation is drawn less often: it has many lines.
const TICKS_PER_TURN: usize = 2;
const TICKS_PER_INVITED_TURN: usize = 8;

impl Terminal {
    /// Draws a wait until it is over, or a key ends it. Other keys that are typed meanwhile belong to the next question.
    pub(super) fn wait_drawn(
        &mut self,
        waiting: &Waiting,
        is_over: &mut dyn FnMut() -> bool,
    ) -> io::Result<WaitEnd> {
        input::set_question_mode()?;
        let mut typed = Vec::new();
        let end = self.run_wait(waiting, is_over, &mut typed);
        self.input.put_back(typed);
        if end.is_err() {
            // Nobody sees it where the terminal itself is gone.
            let _ = self.screen.leave_drawing();
        }
        let _ = self.screen.set_bracketed_paste(false);
        let _ = input::set_idle_mode();
        self.went_back = matches!(end, Ok(WaitEnd::Back));
        end
    }

    fn run_wait(
        &mut self,
        waiting: &Waiting,
        is_over: &mut dyn FnMut() -> bool,
        typed: &mut Vec<Key>,
    ) -> io::Result<WaitEnd> {
        let begun = Instant::now();
        let invited = waiting.invitation.as_ref();
        let ticks_per_turn = invited.map_or(TICKS_PER_TURN, |_| TICKS_PER_INVITED_TURN);
        let mut drawn = None;
        let end = 'waiting: {
            for tick in 0_usize.. {
                if is_over() {
                    break 'waiting WaitEnd::Over;
                }
                let state = (tick / ticks_per_turn, self.screen.size());
                if drawn != Some(state) && (invited.is_some() || begun.elapsed() >= DRAW_DELAY) {
                    let frame = frame(&self.theme, waiting, state.0, state.1);
                    self.screen.draw(&frame, state.1)?;
                    drawn = Some(state);
                }
                let Some(key) = self.input.next_key_within(TICK)? else {
                    continue;
                };
                match (key, invited) {
                    (Key::Interrupt, _) => return Err(io::ErrorKind::Interrupted.into()),
                    (Key::Suspend, _) => {
                        self.suspend()?;
                        drawn = None;
                    }
                    (Key::Escape, Some(_)) => break 'waiting WaitEnd::Back,
                    (Key::Escape, None) | (Key::Char('s' | 'S'), Some(_)) => {
                        break 'waiting WaitEnd::Skipped;
                    }
                    (_, Some(_)) => {}
                    (key, None) => typed.push(key),
                }
            }
            WaitEnd::Skipped
        };
        self.screen.erase_with(std::iter::empty())?;
        Ok(end)
    }

    /// Waits for a screen reader: says what for, once. Where the wait stands in the place of a question, a line ends it.
    pub(super) fn wait_spoken(
        &mut self,
        waiting: &Waiting,
        is_over: &mut dyn FnMut() -> bool,
    ) -> io::Result<WaitEnd> {
        let ui = self.theme.ui;
        if let Some(invitation) = &waiting.invitation {
            ui.eprint("");
            if let Some((number, total)) = invitation.progress.filter(|(_, total)| *total > 1) {
                ui.eprint_paragraph(&msg!("ui.spoken-progress", number = number, total = total));
            }
            for line in [&invitation.text].into_iter().chain(&invitation.lines) {
                ui.eprint_paragraph(line);
            }
        }
        ui.eprint_paragraph(&waiting.text);
        if waiting.invitation.is_some() {
            ui.eprint_paragraph(&msg!("ui.spoken-waiting"));
        }
        loop {
            if is_over() {
                return Ok(WaitEnd::Over);
            }
            if waiting.invitation.is_none() {
                input::pause(TICK);
            } else if input::has_line_within(TICK)? {
                return Ok(match super::accessible::read_line_of_wait(ui)? {
                    Reply::Back => WaitEnd::Back,
                    _ => WaitEnd::Skipped,
                });
            }
        }
    }
}

/// Returns the drawing of a wait, with the spinner at this turn.
fn frame(theme: &PromptTheme, waiting: &Waiting, turn: usize, size: TerminalSize) -> Frame {
    let shapes = if theme.ui.ascii() {
        &ASCII_SPINNER[..]
    } else {
        &SPINNER[..]
    };
    let room = size.columns.saturating_sub(2 * MARK_WIDTH);
    let text = theme.text(&waiting.text);
    let text = theme.wrap_styled(&[(&text, &theme.theme.hint_style)], room);
    let spinner = text.into_iter().enumerate().map(|(at, line)| {
        let mark = if at == 0 { shapes[turn % shapes.len()] } else { " " };
        format!("{:MARK_WIDTH$}{mark} {line}", "")
    });
    let spinner: Vec<_> = spinner.collect();
    let lines = match &waiting.invitation {
        None => spinner,
        Some(invitation) => invitation_lines(theme, invitation, spinner, size),
    };
    Frame { lines, cursor: None }
}

/// Returns the lines of an invitation, with the spinner's below it. The picture is left out where it does not fit.
fn invitation_lines(
    theme: &PromptTheme,
    invitation: &Invitation,
    spinner: Vec<String>,
    size: TerminalSize,
) -> Vec<String> {
    let mut question = Question::text(invitation.text.clone(), None);
    question.progress = invitation.progress;
    let keys = theme.key_hint(&KeyHint::new(&question), &msg!("ui.keys-waiting"), size.columns);
    // A blank line is between two questions.
    let mut lines = vec![String::new()];
    lines.extend(theme.question_lines(&theme.text(&invitation.text), &[], size.columns));
    let room = size.columns.saturating_sub(MARK_WIDTH);
    let texts = invitation.lines.iter().flat_map(|line| {
        let wrapped = theme.wrap_plain(&theme.text(line), room);
        wrapped
            .into_iter()
            .map(|line| format!("{:MARK_WIDTH$}{line}", ""))
    });
    lines.extend(texts);
    let width = invitation.picture.first().map_or(0, |line| line.chars().count());
    let height = lines.len() + invitation.picture.len() + spinner.len() + keys.len();
    // On dark ground whatever the colours of the terminal are: a scanner wants a light frame.
    if !theme.ui.ascii() && width + MARK_WIDTH <= size.columns && height <= size.rows {
        let picture = invitation.picture.iter();
        let style = Style::new().for_stderr().white().bright().on_black();
        let dark = picture.map(|line| style.apply_to(line));
        lines.extend(dark.map(|line| format!("{:MARK_WIDTH$}{line}", "")));
    }
    lines.extend(spinner);
    lines.extend(keys);
    lines
}
