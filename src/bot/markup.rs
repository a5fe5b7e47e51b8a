//! Renders the messages of a bot in the markup of a channel, in parts that are no longer than the channel allows.
//!
//! Whatever a sentence contains is escaped as a whole: a name, a path or a line of a log never becomes markup.

use super::message::{Line, Message};
use crate::i18n::{Lang, Msg, msg};

/// The markup of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Markup {
    /// HTML, as Telegram reads it: line ends are line ends.
    Html,
    /// HTML, as browsers and Matrix read it: a line ends with a tag.
    WebHtml,
    /// Markdown, as Discord reads it.
    Markdown,
    /// Markdown, as Slack reads it (`mrkdwn`).
    Mrkdwn,
    /// No markup.
    Plain,
}

/// The form of the messages of a channel: its markup and its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageFormat {
    /// The markup.
    pub(crate) markup: Markup,
    /// Maximum length of a message, in UTF-16 units of the rendered text, which are at least as many as its characters.
    pub(crate) max_length: usize,
}

/// Maximum number of parts in which one message is sent; something of a longer one is left out.
const MAX_PARTS: usize = 4;
/// The mark of a text that was cut.
const CUT: &str = "…";
/// A space without a width, which keeps two characters from being one mark.
const NO_WIDTH: &str = "\u{200b}";

impl MessageFormat {
    /// Renders a message in a language, in as many parts as the limit of the channel demands. Each sentence and each
    /// quoted text passes through `redact`, which leaves secrets out, before it is escaped or cut. Of a message that is too
    /// long for [`MAX_PARTS`] the first lines of what is quoted are left out, because the newest line of a log is its last
    /// one, then the last lines of the message; it says how many.
    pub(crate) fn render(
        self,
        message: &Message,
        lang: Lang,
        redact: &dyn Fn(&str) -> String,
    ) -> Vec<String> {
        let lines: Vec<_> = message
            .lines
            .iter()
            .flat_map(|line| match TranslatedLine::new(line, lang, redact) {
                TranslatedLine::Paragraph(text) => {
                    let pieces = self.split_paragraph(&text).into_iter();
                    pieces.map(TranslatedLine::Paragraph).collect()
                }
                line => vec![line],
            })
            .collect();
        let parts = self.pack(&lines);
        if parts.len() <= MAX_PARTS {
            return parts;
        }
        // The smallest number of lines without which it fits.
        let [mut too_few, mut enough] = [0, lines.iter().map(TranslatedLine::height).sum()];
        while enough - too_few > 1 {
            let middle = usize::midpoint(too_few, enough);
            if self.pack(&shorten(&lines, middle, lang)).len() <= MAX_PARTS {
                enough = middle;
            } else {
                too_few = middle;
            }
        }
        self.pack(&shorten(&lines, enough, lang))
    }

    /// Renders lines, in as many parts as they need.
    fn pack(self, lines: &[TranslatedLine]) -> Vec<String> {
        let mut parts = vec![String::new()];
        for piece in lines.iter().flat_map(|line| self.render_line(line)) {
            let last = parts.len() - 1;
            let part = &mut parts[last];
            let separator = if part.is_empty() {
                ""
            } else {
                self.markup.line_end()
            };
            if length(part) + length(separator) + length(&piece) > self.max_length {
                parts.push(piece);
            } else {
                part.push_str(separator);
                part.push_str(&piece);
            }
        }
        parts
    }

    /// Renders one line, in pieces that each fit a message.
    fn render_line(self, line: &TranslatedLine) -> Vec<String> {
        match line {
            TranslatedLine::Heading(text) => vec![self.markup.bold(&self.cut(text))],
            TranslatedLine::Text(text) => vec![self.markup.escape(&self.cut(text))],
            TranslatedLine::Item(text) => vec![format!("• {}", self.markup.escape(&self.cut(text)))],
            TranslatedLine::Paragraph(text) => vec![self.markup.escape(text)],
            TranslatedLine::Quote(lines) => self.quotes(lines),
        }
    }

    /// Splits a paragraph into pieces that each fit a message, between words where there are any. Each but the last fills its
    /// message, so that no line end is seen where they meet.
    fn split_paragraph(self, text: &str) -> Vec<String> {
        let (mut pieces, mut piece, mut used) = (Vec::new(), String::new(), 0);
        for word in text.split_inclusive(' ') {
            let own = length(&self.markup.escape(word));
            if used + own > self.max_length && own <= self.max_length {
                pieces.push(std::mem::take(&mut piece));
                used = 0;
            }
            for c in word.chars() {
                // An escaped character has at most 5.
                if used + 5 > self.max_length && own > self.max_length {
                    pieces.push(std::mem::take(&mut piece));
                    used = 0;
                }
                piece.push(c);
                used += length(&self.markup.escape(c.encode_utf8(&mut [0; 4])));
            }
        }
        pieces.push(piece);
        pieces
    }

    /// Renders a quoted text as blocks of whole lines, each of which fits a message.
    fn quotes(self, lines: &[String]) -> Vec<String> {
        let room = self.max_length - length(&self.markup.block(""));
        let mut blocks = Vec::new();
        let mut block = String::new();
        for line in lines {
            let line = self.markup.escape_in_block(&cut_to(line, room / 5));
            if !block.is_empty() && length(&block) + 1 + length(&line) > room {
                blocks.push(self.markup.block(&block));
                block.clear();
            }
            if !block.is_empty() {
                block.push('\n');
            }
            block.push_str(&line);
        }
        if !block.is_empty() {
            blocks.push(self.markup.block(&block));
        }
        blocks
    }

    /// Cuts a sentence so that it fits a message however much of it is escaped.
    fn cut(self, text: &str) -> String {
        // An escaped character has at most 5 (`&amp;`); markup around it needs a few more.
        cut_to(text, (self.max_length - 16) / 5)
    }
}

/// A line of a message in a language and without secrets, not yet escaped.
#[derive(Clone, Debug)]
enum TranslatedLine {
    Heading(String),
    Text(String),
    Item(String),
    Paragraph(String),
    /// The lines of a quoted text.
    Quote(Vec<String>),
}

impl TranslatedLine {
    fn new(line: &Line, lang: Lang, redact: &dyn Fn(&str) -> String) -> Self {
        let sentence = |msg: &Msg| redact(&msg.render(lang));
        match line {
            Line::Heading(msg) => Self::Heading(sentence(msg)),
            Line::Text(msg) => Self::Text(sentence(msg)),
            Line::Item(msg) => Self::Item(sentence(msg)),
            Line::Paragraph(text) => Self::Paragraph(redact(text)),
            Line::Quote(text) => Self::Quote(redact(text).lines().map(str::to_owned).collect()),
        }
    }

    /// Returns the number of lines that it is made of.
    fn height(&self) -> usize {
        match self {
            Self::Quote(lines) => lines.len(),
            _ => 1,
        }
    }
}

/// Leaves out a number of lines, and says so in their places: the first ones of each quoted text but its last, then the last
/// ones of the message.
fn shorten(lines: &[TranslatedLine], mut count: usize, lang: Lang) -> Vec<TranslatedLine> {
    let left_out = |msg: Msg| TranslatedLine::Text(msg.render(lang));
    let mut kept = Vec::new();
    for line in lines {
        match line {
            TranslatedLine::Quote(quoted) if count > 0 && quoted.len() > 1 => {
                let first = count.min(quoted.len() - 1);
                count -= first;
                kept.push(left_out(msg!("bot.left-out-before", count = first)));
                kept.push(TranslatedLine::Quote(quoted[first..].to_vec()));
            }
            line => kept.push(line.clone()),
        }
    }
    if count > 0 {
        kept.truncate(kept.len().saturating_sub(count));
        kept.push(left_out(msg!("bot.left-out-after", count = count)));
    }
    kept
}

impl Markup {
    /// Returns the end of a line.
    fn line_end(self) -> &'static str {
        match self {
            Self::WebHtml => "<br>",
            Self::Html | Self::Markdown | Self::Mrkdwn | Self::Plain => "\n",
        }
    }

    /// Escapes a text so that nothing of it is taken for markup.
    pub(super) fn escape(self, text: &str) -> String {
        match self {
            Self::Html => escape_html(text),
            Self::WebHtml => escape_html(text).replace('\n', self.line_end()),
            Self::Markdown => escape_markdown(text),
            Self::Mrkdwn => escape_mrkdwn(text),
            Self::Plain => text.to_owned(),
        }
    }

    /// Returns a text, escaped, in bold.
    fn bold(self, text: &str) -> String {
        let text = self.escape(text);
        match self {
            Self::Html | Self::WebHtml => format!("<b>{text}</b>"),
            Self::Markdown => format!("**{text}**"),
            Self::Mrkdwn => format!("*{text}*"),
            Self::Plain => text,
        }
    }

    /// Escapes a text for a block of quoted text, in which only the block's own end means something.
    fn escape_in_block(self, text: &str) -> String {
        match self {
            Self::Html | Self::WebHtml => escape_html(text),
            Self::Markdown => break_fences(text),
            Self::Mrkdwn => break_fences(&escape_html(text)),
            Self::Plain => text.to_owned(),
        }
    }

    /// Returns an escaped text as a block of quoted text.
    fn block(self, text: &str) -> String {
        match self {
            Self::Html | Self::WebHtml => format!("<pre>{text}</pre>"),
            Self::Markdown | Self::Mrkdwn => format!("```\n{text}\n```"),
            Self::Plain => text.to_owned(),
        }
    }
}

/// Returns a message that was rendered as [`Markup::WebHtml`] without its markup, for readers that show none.
pub(crate) fn strip_html(html: &str) -> String {
    let mut text = html.replace("<br>", "\n");
    for tag in ["<b>", "</b>", "<pre>", "</pre>"] {
        text = text.replace(tag, "");
    }
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// Returns the length of a text in UTF-16 units.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Cuts a text to a number of UTF-16 units, and marks it as cut.
fn cut_to(text: &str, units: usize) -> String {
    if length(text) <= units {
        return text.to_owned();
    }
    let mut used = length(CUT);
    let kept = text.chars().take_while(|c| {
        used += c.len_utf16();
        used <= units
    });
    let mut cut: String = kept.collect();
    cut.push_str(CUT);
    cut
}

/// Escapes the three characters that mean something in HTML. Telegram knows few other names of characters
/// (<https://core.telegram.org/bots/api#html-style>).
fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Escapes what means something in Discord's Markdown: any character that is neither a letter nor a space may stand after
/// a backslash. A URL takes backslashes for its own, unless it is none because of the first one.
fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut is_line_start = true;
    for (at, c) in text.char_indices() {
        let is_markup = match c {
            '\\' | '`' | '*' | '_' | '~' | '|' | '<' | '>' | '[' | ']' | '@' | '#' => true,
            '-' => is_line_start,
            ':' => text[at..].starts_with("://"),
            _ => false,
        };
        if is_markup {
            escaped.push('\\');
        }
        escaped.push(c);
        is_line_start = c == '\n' || (is_line_start && c == ' ');
    }
    escaped
}

/// Escapes what means something in Slack's markup
/// (<https://docs.slack.dev/messaging/formatting-message-text#escaping>). There is no escape for its marks: one at the
/// start of a word, where it would begin something, is kept from that by spaces without a width.
fn escape_mrkdwn(text: &str) -> String {
    let text = escape_html(text);
    let mut escaped = String::with_capacity(text.len());
    let mut is_in_word = false;
    for c in text.chars() {
        if matches!(c, '*' | '_' | '~' | '`') && !is_in_word {
            escaped.push_str(NO_WIDTH);
            escaped.push(c);
            escaped.push_str(NO_WIDTH);
        } else {
            escaped.push(c);
        }
        is_in_word = c.is_alphanumeric();
    }
    escaped
}

/// Keeps a text from ending a block of code.
fn break_fences(text: &str) -> String {
    text.replace("``", &format!("`{NO_WIDTH}`"))
}

#[cfg(test)]
mod tests;
