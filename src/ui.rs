//! The only writer to standard output and standard error.
//!
//! Results go to stdout, everything else to stderr, so that `--json` is one document and a pipe gets
//! only what was asked for. Whether colour, line drawing and letters beyond ASCII may be used is decided
//! here once, from the terminal and the environment.

use std::io;

pub mod band;
mod fields;
mod progress;
mod review;
mod table;
mod wrap;

pub(crate) use fields::Fields;
pub(crate) use table::Table;

use serde::Serialize;
use serde_json::{Value, json};

use crate::error::Error;
use crate::host::Host;
use crate::i18n::{Lang, Msg};
use crate::text;

/// How and where to speak.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the terminal"
)]
pub struct Ui {
    lang: Lang,
    knows_language: bool,
    json: bool,
    colour: bool,
    ascii: bool,
    plain: bool,
    width: usize,
}

/// What the command line says of the screen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes {
    /// `--json`: one document on stdout.
    pub json: bool,
    /// `--no-color`.
    pub no_color: bool,
    /// `--accessible`: for a screen reader.
    pub accessible: bool,
}

/// The width of a terminal that does not say, in columns.
const WIDTH: usize = 80;

impl Ui {
    /// What this terminal and environment allow, and the command line wishes.
    pub fn new(host: &Host, lang: Option<Lang>, wishes: Wishes) -> Self {
        let Wishes {
            json,
            no_color,
            accessible,
        } = wishes;
        let dumb = host.var("TERM") == Some("dumb");
        let forced = host.var("CLICOLOR_FORCE").is_some_and(|v| v != "0");
        let plain = dumb || accessible || host.var("ACCESSIBLE").is_some_and(|v| v != "0");
        let wanted = (host.terminal().stdout || forced) && !plain;
        let width = console::Term::stdout()
            .size_checked()
            .map_or(WIDTH, |(_, columns)| usize::from(columns));
        Self {
            lang: lang.unwrap_or_else(Lang::english),
            knows_language: lang.is_some(),
            json,
            colour: wanted && !no_color && host.var("NO_COLOR").is_none(),
            ascii: !is_utf8(host),
            plain,
            width: if host.terminal().stdout {
                width.max(20)
            } else {
                WIDTH
            },
        }
    }

    /// Whether a wish or the locale tells the language; English stands in where neither does.
    pub fn knows_language(&self) -> bool {
        self.knows_language
    }

    /// The same screen in another language.
    #[must_use]
    pub fn speaking(self, lang: Lang) -> Self {
        Self {
            lang,
            knows_language: true,
            ..self
        }
    }

    /// The language of this run.
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// Whether `--json` was given.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether colour may be used on stdout.
    pub fn colour(&self) -> bool {
        self.colour
    }

    /// Whether only ASCII may be written.
    pub fn ascii(&self) -> bool {
        self.ascii
    }

    /// Whether a screen reader (or a dumb terminal) reads: no boxes, no repainting.
    pub fn plain(&self) -> bool {
        self.plain
    }

    /// The width to draw in, in columns; 80 where stdout is no terminal.
    pub fn width(&self) -> usize {
        self.width
    }

    /// A sentence in this run's language.
    pub fn say(&self, msg: &Msg) -> String {
        if self.ascii {
            msg.render_with(self.lang, &text::to_ascii)
        } else {
            msg.render(self.lang)
        }
    }

    /// A sentence on stdout, as a line.
    pub fn line(&self, msg: &Msg) {
        self.out(&self.say(msg));
    }

    /// A sentence on stdout, in lines that fit.
    pub fn paragraph(&self, msg: &Msg) {
        self.hanging(0, 0, &self.say(msg));
    }

    /// A sentence on stdout that belongs to the line above.
    pub fn remark(&self, msg: &Msg) {
        self.hanging(2, 4, &self.say(msg));
    }

    /// Text on stdout in lines that fit: the first one indented by `first` columns, the others by `rest`.
    pub fn hanging(&self, first: usize, rest: usize, text: &str) {
        let lines = wrap::wrap(text, self.width.saturating_sub(first.max(rest)).max(1));
        for (at, line) in lines.iter().enumerate() {
            let indent = if at == 0 { first } else { rest };
            self.out(&format!("{:indent$}{line}", ""));
        }
    }

    /// Text on stdout, as lines.
    pub fn out(&self, text: &str) {
        write_line(&mut io::stdout().lock(), text);
    }

    /// Text on stdout, as lines, told at once whether somebody still reads: for what goes on without end.
    pub fn stream(&self, text: &str) -> bool {
        use io::Write as _;
        let mut out = io::stdout().lock();
        writeln!(out, "{text}").and_then(|()| out.flush()).is_ok()
    }

    /// A sentence on stderr, as a line.
    pub fn note(&self, msg: &Msg) {
        self.err(&self.say(msg));
    }

    /// Text on stderr, as lines.
    pub fn err(&self, text: &str) {
        write_line(&mut io::stderr().lock(), text);
    }

    /// The one JSON document of this run on stdout.
    ///
    /// # Panics
    /// Where a key of a map is no text, which no document of ours has.
    pub fn document(&self, document: &impl Serialize) {
        let text = serde_json::to_string_pretty(document).expect("documents have text keys");
        self.out(&text);
    }

    /// An error: on stderr in words, and with `--json` as the one document too.
    pub fn error(&self, error: &Error) {
        let document = self.told(error);
        if self.json {
            self.document(&document);
        }
    }

    /// Says an error on stderr in words, and gives it back as a document.
    pub fn told(&self, error: &Error) -> Value {
        self.err(&format!("[openclaw] {}", self.say(&error.msg)));
        if let Some(cause) = &error.cause {
            self.err(&format!("  {cause:#}"));
        }
        for hint in &error.hints {
            self.err(&format!("  {} {}", self.arrow(), self.say(hint)));
        }
        self.error_document(error)
    }

    /// A heading, bold where colour is.
    fn heading(&self, msg: &Msg) -> String {
        console::style(self.say(msg))
            .bold()
            .force_styling(self.colour)
            .to_string()
    }

    /// What is worth knowing, marked and broken to the width of the terminal.
    fn notice(&self, msg: &Msg) -> String {
        let lines = wrap::wrap(&self.say(msg), self.width.saturating_sub(4));
        let marked = lines
            .iter()
            .enumerate()
            .map(|(at, line)| format!("  {} {line}", if at == 0 { "!" } else { " " }));
        marked.collect::<Vec<_>>().join("\n")
    }

    /// A paragraph on stderr, broken to the width of the terminal.
    pub fn prose(&self, msg: &Msg) {
        for line in wrap::wrap(&self.say(msg), self.width) {
            self.err(&line);
        }
    }

    /// Text in lines of at most so many columns.
    pub fn broken(&self, text: &str, columns: usize) -> Vec<String> {
        wrap::wrap(text, columns)
    }

    /// Why a reply was not taken, before its question comes again.
    pub fn refusal(&self, error: &Error) {
        self.prose(&error.msg);
        for hint in &error.hints {
            for (at, line) in wrap::wrap(&self.say(hint), self.width.saturating_sub(5))
                .iter()
                .enumerate()
            {
                self.err(&if at == 0 {
                    format!("  {} {line}", self.arrow())
                } else {
                    format!("    {line}")
                });
            }
        }
    }

    fn error_document(&self, error: &Error) -> Value {
        let hints: Vec<_> = error.hints.iter().map(|h| self.say(h)).collect();
        let mut document = json!({
            "ok": false,
            "code": error.code(),
            "exit": error.kind.exit_code(),
            "message": self.say(&error.msg),
            "hints": hints,
        });
        if let Some(cause) = &error.cause {
            document["cause"] = format!("{cause:#}").into();
        }
        document
    }

    fn arrow(&self) -> &'static str {
        if self.ascii || self.plain { "->" } else { "→" }
    }
}

/// Writes a line; a reader that went away (`| head`) is not an error.
fn write_line(to: &mut impl io::Write, text: &str) {
    let mut write = || -> io::Result<()> {
        to.write_all(text.as_bytes())?;
        to.write_all(b"\n")?;
        to.flush()
    };
    let _ = write();
}

/// Whether the locale's letters are UTF-8. Where no variable says, a terminal of today is believed.
fn is_utf8(host: &Host) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| host.var(name));
    match locale {
        Some("C" | "POSIX") => false,
        Some(locale) => locale.split(['.', '@']).nth(1).is_none_or(|charset| {
            charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
        }),
        None => true,
    }
}
