//! The messages of a bot: lines and buttons, in no language and no markup yet.

use crate::i18n::Msg;

/// A message of a bot. A channel renders it in the language of its reader and in its own markup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// The lines, in order.
    pub(crate) lines: Vec<Line>,
    /// The buttons below the lines.
    pub(crate) buttons: Vec<Button>,
}

/// A line of a bot's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A sentence that says what the message is about.
    Heading(Msg),
    /// A sentence.
    Text(Msg),
    /// A sentence of a list.
    Item(Msg),
    /// A paragraph of an agent's answer: of any length, and of one line.
    Paragraph(String),
    /// Text of somebody else, such as lines of a log: shown as it is, in a block of its own, and never taken for markup
    /// or for a command.
    Quote(String),
}

/// A button of a bot's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Button {
    /// The words on the button.
    pub(crate) label: Msg,
    /// The command that a press stands for, such as `/repair main`. A name of a profile is its last word, so that a long one
    /// can be replaced by a key where a channel limits the length.
    pub(crate) command: String,
}

impl Message {
    /// Creates a message of one sentence.
    pub(crate) fn text(msg: Msg) -> Self {
        Self {
            lines: vec![Line::Text(msg)],
            buttons: Vec::new(),
        }
    }

    /// Creates a message that starts with a heading.
    pub(crate) fn heading(msg: Msg) -> Self {
        Self {
            lines: vec![Line::Heading(msg)],
            buttons: Vec::new(),
        }
    }

    /// Adds a line to a message.
    #[must_use]
    pub(crate) fn line(mut self, line: Line) -> Self {
        self.lines.push(line);
        self
    }

    /// Adds lines to a message.
    #[must_use]
    pub(crate) fn lines(mut self, lines: impl IntoIterator<Item = Line>) -> Self {
        self.lines.extend(lines);
        self
    }

    /// Adds a button to a message.
    #[must_use]
    pub(crate) fn button(mut self, label: Msg, command: impl Into<String>) -> Self {
        let command = command.into();
        self.buttons.push(Button { label, command });
        self
    }
}
