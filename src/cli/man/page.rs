//! A man page as sections of text, which are written as troff source or as plain text.
//!
//! The source is made with `roff` itself: `clap_mangen` has English headings only, and upper-cases them by rules that are
//! wrong for a Turkish i.

use roff::{Inline, Roff, bold, italic, roman};

use crate::text::wrap;

/// Section of the manual that the program's man pages belong to.
pub(super) const MAN_SECTION: &str = "1";

/// Date field of a man page: a blank, so that the pages are the same on every day. `roff` would leave an empty field
/// out.
const NO_DATE: &str = " ";
/// Name and version of the program at the foot of a man page.
const SOURCE: &str = concat!("openclaw ", env!("CARGO_PKG_VERSION"));
/// Width of a man page as plain text in columns, on a wider terminal too: longer lines are tiring to read.
const MAX_TEXT_WIDTH: usize = 100;

/// A man page of this program.
#[derive(Debug)]
pub(super) struct ManPage {
    /// The name of the page: `openclaw-config-set`.
    title: String,
    /// The name of the manual at the head of the page.
    manual: String,
    sections: Vec<(String, Vec<Block>)>,
}

/// A part of a section of a man page.
#[derive(Debug)]
pub(super) enum Block {
    Paragraph(Vec<Span>),
    Subheading(String),
    /// A label, and below it the text that describes it.
    Entry(Vec<Span>, String),
}

/// A piece of text of a man page in one font.
#[derive(Debug)]
pub(super) enum Span {
    Plain(String),
    Bold(String),
    Italic(String),
}

impl Block {
    /// Creates a paragraph of plain text for a man page.
    pub(super) fn plain(text: String) -> Self {
        Self::Paragraph(vec![Span::Plain(text)])
    }
}

impl Span {
    fn text(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Bold(text) | Self::Italic(text) => text,
        }
    }

    fn inline(&self) -> Inline {
        match self {
            Self::Plain(text) => roman(text),
            Self::Bold(text) => bold(text),
            Self::Italic(text) => italic(text),
        }
    }
}

impl ManPage {
    /// Creates a man page without sections.
    pub(super) fn new(title: &str, manual: &str) -> Self {
        Self {
            title: title.to_owned(),
            manual: manual.to_owned(),
            sections: Vec::new(),
        }
    }

    /// Adds a section to a man page, unless it is empty.
    pub(super) fn add_section(&mut self, heading: String, blocks: Vec<Block>) {
        if !blocks.is_empty() {
            self.sections.push((heading, blocks));
        }
    }

    /// Returns a man page as troff source.
    pub(super) fn to_troff(&self) -> String {
        let mut page = Roff::new();
        let head = [&self.title, MAN_SECTION, NO_DATE, SOURCE, &self.manual];
        page.control("TH", head);
        // groff would hyphenate words by the rules of English.
        page.control("nh", []);
        page.control("ad", ["l"]);
        let inlines = |spans: &[Span]| spans.iter().map(Span::inline).collect::<Vec<_>>();
        for (heading, blocks) in &self.sections {
            page.control("SH", [heading.as_str()]);
            for (at, block) in blocks.iter().enumerate() {
                match block {
                    Block::Paragraph(spans) => {
                        if at > 0 {
                            page.control("PP", []);
                        }
                        page.text(inlines(spans));
                    }
                    Block::Subheading(text) => {
                        page.control("SS", [text.as_str()]);
                    }
                    Block::Entry(label, text) => {
                        page.control("TP", []);
                        page.text(inlines(label));
                        page.text([roman(text)]);
                    }
                }
            }
        }
        page.render()
    }

    /// Returns a man page as plain text, in lines of at most `columns` columns where the words allow it.
    pub(super) fn to_text(&self, columns: usize) -> String {
        let columns = columns.min(MAX_TEXT_WIDTH);
        let mut out = String::new();
        let mut add = |text: &str, indent: usize| {
            for line in wrap(text, columns.saturating_sub(indent).max(1)) {
                out.push_str(format!("{:indent$}{line}", "").trim_end());
                out.push('\n');
            }
        };
        let plain = |spans: &[Span]| spans.iter().map(Span::text).collect::<String>();
        for (number, (heading, blocks)) in self.sections.iter().enumerate() {
            if number > 0 {
                add("\n", 0);
            }
            add(heading, 0);
            for (at, block) in blocks.iter().enumerate() {
                match block {
                    Block::Paragraph(spans) => add(&plain(spans), 4),
                    Block::Subheading(text) => {
                        if at > 0 {
                            add("\n", 0);
                        }
                        add(text, 2);
                    }
                    Block::Entry(label, text) => {
                        add(&plain(label), 4);
                        add(text, 8);
                    }
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> ManPage {
        let mut page = ManPage::new("openclaw-x", "Manual");
        page.add_section(
            "NAME".to_owned(),
            vec![Block::plain("openclaw-x - does it".to_owned())],
        );
        page.add_section("EMPTY".to_owned(), Vec::new());
        let label = vec![Span::Bold("--flag ".to_owned()), Span::Italic("N".to_owned())];
        let options = vec![
            Block::Subheading("Options".to_owned()),
            Block::Entry(label, "Does it as often as somebody says".to_owned()),
        ];
        page.add_section("OPTIONS".to_owned(), options);
        page
    }

    #[test]
    fn plain_text_has_the_sections_of_the_page_in_lines_that_fit() {
        let expected = "NAME\n    openclaw-x - does it\n\nOPTIONS\n  Options\n    --flag N\n        \
            Does it as often\n        as somebody says\n";
        assert_eq!(page().to_text(26), expected);
    }

    #[test]
    fn troff_source_has_the_fonts_of_the_page() {
        let source = page().to_troff();
        assert!(source.contains("\\fB\\-\\-flag \\fR\\fIN\\fR"), "{source}");
        assert!(!source.contains("EMPTY"), "{source}");
    }
}
