//! What is drawn, and how it is wiped away again. Every drawing is one write.

use std::io;

use console::{Term, measure_text_width as width};

use super::skin::{Frame, Size};

/// Without a size from the terminal.
const USUAL: (u16, u16) = (24, 80);

/// Standard error, and what stands there that is not for ever.
pub(super) struct Screen {
    term: Term,
    /// The widths of the lines that are drawn now.
    drawn: Vec<usize>,
    /// Where the cursor stands among them.
    cursor: (usize, usize),
}

impl Screen {
    pub(super) fn new() -> Self {
        Self {
            term: Term::buffered_stderr(),
            drawn: Vec::new(),
            cursor: (0, 0),
        }
    }

    /// The size now.
    pub(super) fn size(&self) -> Size {
        let (rows, columns) = self.term.size_checked().unwrap_or(USUAL);
        Size {
            columns: usize::from(columns).saturating_sub(1).max(10),
            rows: usize::from(rows).max(4),
        }
    }

    /// Draws in the place of what was drawn before.
    pub(super) fn draw(&mut self, frame: &Frame, size: Size) -> io::Result<()> {
        self.rewind(size)?;
        // What is higher than the terminal could not be wiped.
        let lines = &frame.lines[..frame.lines.len().min(size.rows)];
        self.term.write_str(&lines.join("\n"))?;
        self.drawn = lines.iter().map(|line| width(line)).collect();
        let end = (
            lines.len().saturating_sub(1),
            self.drawn.last().copied().unwrap_or(0),
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

    /// Wipes what was drawn, and lines that stand right above it.
    pub(super) fn wipe<'l>(&mut self, above: impl Iterator<Item = &'l String>) -> io::Result<()> {
        let size = self.size();
        self.rewind(size)?;
        let above = above.map(|line| rows(width(line), size)).sum();
        self.term.move_cursor_up(above)?;
        self.term.clear_to_end_of_screen()?;
        self.term.flush()
    }

    /// Writes lines that stay, in the place of what was drawn.
    pub(super) fn keep(&mut self, lines: &[String]) -> io::Result<()> {
        self.rewind(self.size())?;
        for line in lines {
            self.term.write_line(line)?;
        }
        self.term.flush()
    }

    /// Leaves what is drawn as it stands, and the cursor below it.
    pub(super) fn leave(&mut self) -> io::Result<()> {
        let down = self.drawn.len().saturating_sub(1).saturating_sub(self.cursor.0);
        self.term.move_cursor_down(down)?;
        self.drawn.clear();
        self.cursor = (0, 0);
        self.term.show_cursor()?;
        self.term.write_str("\r\n")?;
        self.term.flush()
    }

    /// Whether a text is pasted is told by the terminal from here on, or no longer.
    pub(super) fn tell_pastes(&self, on: bool) -> io::Result<()> {
        self.term
            .write_str(if on { "\x1b[?2004h" } else { "\x1b[?2004l" })?;
        self.term.flush()
    }

    /// As a program finds a terminal: the cursor seen, pastes typed.
    pub(super) fn restore(&self) -> io::Result<()> {
        self.term.show_cursor()?;
        self.tell_pastes(false)
    }

    /// To the first line of what was drawn, and away with it. Where the window became narrower meanwhile,
    /// its lines were broken by the terminal and take more rows.
    fn rewind(&mut self, size: Size) -> io::Result<()> {
        let (row, column) = self.cursor;
        let above: usize = self.drawn.iter().take(row).map(|w| rows(*w, size)).sum();
        let above = above + column / (size.columns + 1);
        self.term.move_cursor_up(above)?;
        self.term.clear_to_end_of_screen()?;
        self.drawn.clear();
        self.cursor = (0, 0);
        Ok(())
    }
}

/// Rows that a line of this width takes.
fn rows(width: usize, size: Size) -> usize {
    width.div_ceil(size.columns + 1).max(1)
}
