//! The only writer to standard output and standard error.
//!
//! Results go to stdout, everything else to stderr, so that `--json` is one document and a pipe gets
//! only what was asked for. Whether colour, line drawing and letters beyond ASCII may be used is decided
//! here once, from the terminal and the environment.

pub mod band;
pub mod wrap;

use std::io;

use serde::Serialize;
use serde_json::{Value, json};

use crate::error::Error;
use crate::host::Host;
use crate::i18n::{Lang, Msg};
use crate::letters;

/// How and where to speak.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the terminal"
)]
pub struct Ui {
    lang: Lang,
    json: bool,
    colour: bool,
    ascii: bool,
    plain: bool,
    width: usize,
}

/// The width of a terminal that does not say, in columns.
const WIDTH: usize = 80;

impl Ui {
    /// What this terminal and environment allow. `json` is the wish for one document on stdout.
    pub fn new(host: &Host, lang: Lang, json: bool, no_color: bool) -> Self {
        let dumb = host.var("TERM") == Some("dumb");
        let forced = host.var("CLICOLOR_FORCE").is_some_and(|v| v != "0");
        let plain = dumb || host.var("ACCESSIBLE").is_some_and(|v| v != "0");
        let wanted = (host.terminal().stdout || forced) && !plain;
        let width = console::Term::stdout()
            .size_checked()
            .map_or(WIDTH, |(_, columns)| usize::from(columns));
        Self {
            lang,
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
            msg.render_with(self.lang, &letters::ascii)
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
        self.out(&wrap::wrap(&self.say(msg), self.width, 0));
    }

    /// A sentence on stdout that belongs to the line above.
    pub fn remark(&self, msg: &Msg) {
        self.out(&wrap::wrap(&format!("  {}", self.say(msg)), self.width, 4));
    }

    /// Text on stdout, as lines.
    pub fn out(&self, text: &str) {
        write_line(&mut io::stdout().lock(), text);
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
        self.err(&format!("[openclaw] {}", self.say(&error.msg)));
        if let Some(cause) = &error.cause {
            self.err(&format!("  {cause:#}"));
        }
        for hint in &error.hints {
            self.err(&format!("  {} {}", self.arrow(), self.say(hint)));
        }
        if self.json {
            self.document(&self.error_document(error));
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
