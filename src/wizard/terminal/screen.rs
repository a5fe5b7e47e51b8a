//! Draws prompts on standard error, and erases them again. Every drawing is one write.

use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use console::{Term, measure_text_width};

use super::theme::{Frame, TerminalSize};
use crate::sync::lock;

/// The rows and columns of a terminal that does not tell its size.
const DEFAULT_SIZE: (u16, u16) = (24, 80);

/// Standard error as the wizard's screen, and the drawing on it that will be replaced.
pub(super) struct Screen {
    term: Term,
    /// The widths of the lines of the drawing.
    widths: Vec<usize>,
    /// The line and column of the cursor in the drawing.
    cursor: (usize, usize),
}

/// Held while a prompt is drawn.
static DRAWING: Mutex<()> = Mutex::new(());
/// Maximum time that the end of the program waits for a drawing: a terminal that was stopped takes no more of it.
const DRAWING_TIMEOUT: Duration = Duration::from_millis(200);
/// Time between two looks whether a drawing has ended.
const DRAWING_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Waits for the end of a drawing and lets no other begin: a drawing may hide the cursor, which the end of the program shows.
pub(super) fn end_drawing() {
    let deadline = Instant::now() + DRAWING_TIMEOUT;
    while Instant::now() < deadline {
        if let Ok(drawing) = DRAWING.try_lock() {
            return std::mem::forget(drawing);
        }
        std::thread::sleep(DRAWING_POLL_INTERVAL);
    }
}

impl Screen {
    pub(super) fn new() -> Self {
        Self {
            term: Term::buffered_stderr(),
            widths: Vec::new(),
            cursor: (0, 0),
        }
    }

    /// Returns the present size of the terminal in columns and rows.
    pub(super) fn size(&self) -> TerminalSize {
        let (rows, columns) = self.term.size_checked().unwrap_or(DEFAULT_SIZE);
        TerminalSize {
            columns: usize::from(columns).saturating_sub(1).max(10),
            rows: usize::from(rows).max(4),
        }
    }

    /// Draws a prompt's frame on the terminal in the place of the drawing before.
    pub(super) fn draw(&mut self, frame: &Frame, size: TerminalSize) -> io::Result<()> {
        let _drawing = lock(&DRAWING);
        self.erase_drawing(size)?;
        // Lines that are higher than the terminal could not be erased.
        let lines = &frame.lines[..frame.lines.len().min(size.rows)];
        self.term.write_str(&lines.join("\n"))?;
        self.widths = lines.iter().map(|line| measure_text_width(line)).collect();
        let end = (
            lines.len().saturating_sub(1),
            self.widths.last().copied().unwrap_or(0),
        );
        self.cursor = frame.cursor.filter(|(row, _)| *row < lines.len()).unwrap_or(end);
        let (row, column) = self.cursor;
        self.term.move_cursor_up(end.0 - row)?;
        self.term.write_str("\r")?;
        self.term.move_cursor_right(column)?;
        if frame.cursor.is_some() {
            self.term.show_cursor()?;
        } else {
            self.term.hide_cursor()?;
        }
        self.term.flush()
    }

    /// Erases the drawing of a prompt from the terminal, and these lines right above it.
    pub(super) fn erase_with<'l>(&mut self, above: impl Iterator<Item = &'l String>) -> io::Result<()> {
        let size = self.size();
        self.erase_drawing(size)?;
        let above = above.map(|line| row_count(measure_text_width(line), size)).sum();
        self.term.move_cursor_up(above)?;
        self.term.clear_to_end_of_screen()?;
        self.term.flush()
    }

    /// Writes lines that stay on the terminal, in the place of the drawing of a prompt.
    pub(super) fn print_lines(&mut self, lines: &[String]) -> io::Result<()> {
        self.erase_drawing(self.size())?;
        for line in lines {
            self.term.write_line(line)?;
        }
        self.term.flush()
    }

    /// Leaves the drawing of a prompt on the terminal, with the cursor below it.
    pub(super) fn leave_drawing(&mut self) -> io::Result<()> {
        let down = self.widths.len().saturating_sub(1).saturating_sub(self.cursor.0);
        self.term.move_cursor_down(down)?;
        self.widths.clear();
        self.cursor = (0, 0);
        self.term.show_cursor()?;
        self.term.write_str("\r\n")?;
        self.term.flush()
    }

    /// Leaves the drawing of a prompt on the terminal, wherever the cursor is: another program has used the screen.
    pub(super) fn forget_drawing(&mut self) {
        self.widths.clear();
        self.cursor = (0, 0);
    }

    /// Switches the terminal's marking of pasted texts (bracketed paste) on or off.
    pub(super) fn set_bracketed_paste(&self, on: bool) -> io::Result<()> {
        self.term
            .write_str(if on { "\x1b[?2004h" } else { "\x1b[?2004l" })?;
        self.term.flush()
    }

    /// Restores the state in which a program finds a terminal: a visible cursor, and pasted texts as plain keys.
    pub(super) fn restore(&self) -> io::Result<()> {
        self.term.show_cursor()?;
        self.set_bracketed_paste(false)
    }

    /// Moves the terminal's cursor to the first line of a prompt's drawing and erases the drawing. Where the window
    /// has become narrower, the terminal has broken its lines, and they take more rows.
    fn erase_drawing(&mut self, size: TerminalSize) -> io::Result<()> {
        let (row, column) = self.cursor;
        let above: usize = self
            .widths
            .iter()
            .take(row)
            .map(|width| row_count(*width, size))
            .sum();
        let above = above + column / (size.columns + 1);
        self.term.move_cursor_up(above)?;
        self.term.clear_to_end_of_screen()?;
        self.widths.clear();
        self.cursor = (0, 0);
        Ok(())
    }
}

/// Returns the number of terminal rows that a line of this width takes.
fn row_count(width: usize, size: TerminalSize) -> usize {
    width.div_ceil(size.columns + 1).max(1)
}
