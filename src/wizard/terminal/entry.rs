//! A line of text, or one that nobody sees.

use console::{Style, measure_text_width as width, strip_ansi_codes};
use unicode_segmentation::UnicodeSegmentation as _;

use super::keys::Key;
use super::line::Line;
use super::skin::{Frame, MARK, Size, Skin};
use super::{HIDDEN, NOTHING, Next, Prompt};
use crate::i18n::{Msg, msg};
use crate::secret::Secret;
use crate::wizard::question::Reply;

/// Fewest columns to type in; where fewer are left behind the question, the next line is taken.
const ROOM: usize = 12;

/// What kind of line it is.
#[derive(Clone, Debug)]
enum Kind {
    Text { default: Option<String> },
    Secret { optional: bool },
}

/// A line that is typed.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    text: String,
    kind: Kind,
    line: Line,
    complaint: Option<Msg>,
}

impl Entry {
    pub(super) fn text(text: String, default: Option<String>) -> Self {
        let kind = Kind::Text { default };
        Self {
            text,
            kind,
            line: Line::default(),
            complaint: None,
        }
    }

    pub(super) fn secret(text: String, optional: bool) -> Self {
        let kind = Kind::Secret { optional };
        Self {
            text,
            kind,
            line: Line::default(),
            complaint: None,
        }
    }

    fn enter(&mut self) -> Next {
        let typed = self.line.text().trim();
        match &self.kind {
            Kind::Text { default } => match default {
                Some(default) if self.line.is_empty() => Next::Take(Reply::Text(default.clone())),
                _ => Next::Take(Reply::Text(typed.to_owned())),
            },
            Kind::Secret { optional: false } if typed.is_empty() => {
                self.complaint = Some(Msg::new("ui.needed"));
                Next::Stay
            }
            Kind::Secret { .. } => Next::Take(Reply::Secret(Secret::new(typed))),
        }
    }

    /// What of the line is seen in so many columns, and the cursor's column in it.
    fn window(&self, skin: &Skin, room: usize) -> (String, usize) {
        if matches!(self.kind, Kind::Secret { .. }) {
            let mark = if self.line.is_empty() { "" } else { HIDDEN };
            return (mark.to_owned(), width(mark));
        }
        let (before, behind) = self.line.halves();
        let dots = skin.dots();
        let mut shown = Vec::new();
        let mut used = 0;
        for letter in before.graphemes(true).rev() {
            let letter = skin.shown(letter);
            // A column for the dots, and one for the cursor behind the end.
            if used + width(&letter) + 2 > room {
                shown.push(dots.to_owned());
                used += width(dots);
                break;
            }
            used += width(&letter);
            shown.push(letter);
        }
        shown.reverse();
        let at = used;
        for letter in behind.graphemes(true) {
            let letter = skin.shown(letter);
            if used + width(&letter) + 1 > room {
                break;
            }
            used += width(&letter);
            shown.push(letter);
        }
        (shown.concat(), at)
    }
}

impl Prompt for Entry {
    fn on(&mut self, key: &Key) -> Next {
        match key {
            Key::Enter => self.enter(),
            Key::Escape => Next::Take(Reply::Back),
            key => {
                if self.line.on(key) {
                    self.complaint = None;
                }
                Next::Stay
            }
        }
    }

    fn render(&self, skin: &Skin, size: Size) -> Frame {
        let suffix = strip_ansi_codes(&skin.theme.prompt_suffix.to_string()).into_owned();
        let hint: &Style = &skin.theme.hint_style;
        let default = match &self.kind {
            Kind::Text {
                default: Some(default),
            } => format!("({default})"),
            _ => String::new(),
        };
        let more = [(default.as_str(), hint), (suffix.as_str(), hint)];
        let mut lines = skin.question(&self.text, &more, size.columns);
        let mut start = lines.last().map_or(0, |line| width(line)) + 1;
        if start + ROOM > size.columns {
            lines.push(String::new());
            start = MARK;
        }
        let (typed, at) = self.window(skin, size.columns.saturating_sub(start));
        let row = lines.len() - 1;
        if let Some(line) = lines.last_mut() {
            let blanks = start - width(line).min(start);
            line.push_str(&" ".repeat(blanks));
            line.push_str(&typed);
        }
        if let Some(complaint) = &self.complaint {
            lines.extend(skin.complaint(complaint, size.columns));
        }
        let keys = match &self.kind {
            Kind::Text { default: Some(_) } if self.line.is_empty() => msg!("ui.keys-default"),
            Kind::Secret { optional: true } if self.line.is_empty() => msg!("ui.keys-optional"),
            Kind::Secret { .. } => msg!("ui.keys-secret"),
            Kind::Text { .. } => msg!("ui.keys-text"),
        };
        if lines.len() + 1 < size.rows {
            lines.extend(skin.keys(&keys, size.columns));
        }
        Frame {
            lines,
            cursor: Some((row, start + at)),
        }
    }

    fn answer(&self, _: &Skin) -> String {
        match &self.kind {
            Kind::Text {
                default: Some(default),
            } if self.line.is_empty() => default.clone(),
            Kind::Text { .. } => self.line.text().trim().to_owned(),
            Kind::Secret { .. } if self.line.text().trim().is_empty() => NOTHING.to_owned(),
            Kind::Secret { .. } => HIDDEN.to_owned(),
        }
    }
}
