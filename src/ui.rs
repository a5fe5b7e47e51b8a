//! The screen: writes to standard output and standard error.
//!
//! Results go to stdout, everything else to stderr, so that `--json` is one document and a pipe gets only what was
//! asked for. Whether colour, line drawing and letters beyond ASCII may be used is decided here once, from the terminal
//! and the environment.

use std::io;
use std::path::is_separator;

mod difference;
mod fields;
mod outcome;
pub(crate) mod port_chart;
mod progress;
pub(crate) mod qr_code;
mod review;
mod table;

pub(crate) use fields::Fields;
pub(crate) use outcome::ReportOutcome;
pub(crate) use table::Table;

use serde::Serialize;
use serde_json::{Value, json};

use crate::environment::user_home;
use crate::error::Error;
use crate::host::Host;
use crate::i18n::{Lang, Msg};
use crate::text::{
    SecondName, abbreviate_home_in, command_start, to_ascii, wrap, wrap_for_terminal, wrap_hanging,
};

/// The screen of this run: its language, and what its terminal can show.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the terminal"
)]
pub(crate) struct Ui {
    lang: Lang,
    knows_language: bool,
    json: bool,
    colour: bool,
    ascii: bool,
    plain: bool,
    /// The width of stdout in columns, where that is a terminal.
    output_width: Option<usize>,
    /// The width of stderr in columns, where that is a terminal.
    error_width: Option<usize>,
    /// The width to lay out output in where stdout is no terminal, in columns.
    other_width: usize,
    /// The home folder, which a terminal shows as `~`.
    home: Option<&'static str>,
    /// The name by which the program was started, where that is its second one.
    second_name: Option<&'static SecondName>,
}

/// The command-line options that determine the screen output.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UiOptions {
    /// `--json`: one document on stdout.
    pub(crate) json: bool,
    /// `--no-color`.
    pub(crate) no_color: bool,
    /// `--accessible`: for a screen reader.
    pub(crate) accessible: bool,
}

/// Width of a terminal that does not tell its size, in columns.
const DEFAULT_WIDTH: usize = 80;
/// Minimum width of the terminal for which output is laid out, in columns.
const MIN_WIDTH: usize = 20;
/// Maximum width that another host may ask for, in columns.
const MAX_OTHER_WIDTH: usize = 500;

impl Ui {
    /// Creates the screen output from what terminal, environment and command line allow. Without a known language it
    /// speaks English.
    pub(crate) fn new(host: &Host, lang: Option<Lang>, options: UiOptions) -> Self {
        let dumb = host.var("TERM") == Some("dumb");
        let forced = host.var("CLICOLOR_FORCE").is_some_and(|v| v != "0");
        let plain = dumb || options.accessible || host.var("ACCESSIBLE").is_some_and(|v| v != "0");
        let colour = (host.terminal().stdout || forced) && !plain;
        let columns = |term: &console::Term| {
            let size = term.size_checked();
            let columns = size.map_or(DEFAULT_WIDTH, |(_, columns)| usize::from(columns));
            columns.max(MIN_WIDTH)
        };
        let other_width = host.var("COLUMNS").and_then(|columns| columns.parse().ok());
        // The screen is copied everywhere and made once in a run, so this text lives as long as the program.
        let home = user_home(host).filter(|home| home.len() > 1);
        let home = home.map(|home| &*home.trim_end_matches(is_separator).to_owned().leak());
        Self {
            lang: lang.unwrap_or_else(Lang::english),
            knows_language: lang.is_some(),
            json: options.json,
            colour: colour && !options.no_color && host.var("NO_COLOR").is_none(),
            ascii: !is_utf8(host),
            plain,
            other_width: other_width.map_or(DEFAULT_WIDTH, |columns: usize| {
                columns.clamp(MIN_WIDTH, MAX_OTHER_WIDTH)
            }),
            output_width: host.terminal().stdout.then(|| columns(&console::Term::stdout())),
            error_width: host.terminal().stderr.then(|| columns(&console::Term::stderr())),
            home,
            second_name: None,
        }
    }

    /// Returns the same screen output with the program's second name in each command.
    #[must_use]
    pub(crate) fn with_second_name(self, name: SecondName) -> Self {
        Self {
            second_name: Some(Box::leak(Box::new(name))),
            ..self
        }
    }

    /// Returns `true` if a command-line option or the locale tells the language of the output; where neither does, it
    /// is English.
    pub(crate) fn knows_language(&self) -> bool {
        self.knows_language
    }

    /// Returns the same screen output in another language.
    #[must_use]
    pub(crate) fn with_lang(self, lang: Lang) -> Self {
        Self {
            lang,
            knows_language: true,
            ..self
        }
    }

    /// Returns the language of this run's screen output.
    pub(crate) fn lang(&self) -> Lang {
        self.lang
    }

    /// Returns `true` if the command line has `--json`, so that the output is a JSON document.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Returns `true` if colour may be used on stdout.
    pub(crate) fn colour(&self) -> bool {
        self.colour
    }

    /// Returns `true` if the screen output may contain only ASCII characters.
    pub(crate) fn ascii(&self) -> bool {
        self.ascii
    }

    /// Returns `true` if the screen output is for a screen reader or a dumb terminal: no boxes, no repainting.
    pub(crate) fn plain(&self) -> bool {
        self.plain
    }

    /// Returns the width of stderr in columns; that of stdout where stderr is no terminal.
    pub(crate) fn error_width(&self) -> usize {
        self.error_width.unwrap_or_else(|| self.width())
    }

    /// Returns the width to lay out screen output in, in columns. Where stdout is no terminal it is that of the variable
    /// `COLUMNS`, by which another host tells the width of its terminal, else 80.
    pub(crate) fn width(&self) -> usize {
        self.output_width.unwrap_or(self.other_width)
    }

    /// Renders a catalogue message as text in the language of this run.
    pub(crate) fn render(&self, msg: &Msg) -> String {
        self.with_typed_name(if self.ascii {
            msg.render_with(self.lang, &to_ascii)
        } else {
            msg.render(self.lang)
        })
    }

    /// Returns a text with the program's name in its commands as it was typed, and in ASCII where the screen output may contain
    /// nothing else.
    pub(crate) fn fit_charset(&self, text: String) -> String {
        self.with_typed_name(if self.ascii { to_ascii(&text) } else { text })
    }

    /// Returns a text with the name by which the program was started in each of its commands.
    pub(crate) fn with_typed_name(&self, text: String) -> String {
        match self.second_name {
            Some(name) => name.write_in(&text),
            None => text,
        }
    }

    /// Prints a catalogue message on stdout: on a terminal in lines that fit, elsewhere as one line.
    pub(crate) fn print_line(&self, msg: &Msg) {
        let text = self.render(msg);
        if self.output_width.is_some() {
            self.print_hanging(0, 2, &text);
        } else {
            self.print(&text);
        }
    }

    /// Prints a catalogue message on stdout in lines that fit the terminal.
    pub(crate) fn print_paragraph(&self, msg: &Msg) {
        self.print_hanging(0, 0, &self.render(msg));
    }

    /// Prints a catalogue message on stdout that says that something was done, green where there is colour.
    pub(crate) fn print_success(&self, msg: &Msg) {
        let style = console::Style::new().green().force_styling(self.colour);
        for line in wrap(&self.render(msg), self.width()) {
            self.print(&style.apply_to(line).to_string());
        }
    }

    /// Prints a catalogue message on stdout that belongs to the line above: indented, in lines that fit the terminal.
    pub(crate) fn print_detail(&self, msg: &Msg) {
        self.print_hanging(2, 4, &self.render(msg));
    }

    /// Prints text on stdout in lines that fit the terminal: the first line indented by `first` columns, the others by
    /// `rest`. A terminal shows `~` for the home folder.
    pub(crate) fn print_hanging(&self, first: usize, rest: usize, text: &str) {
        let left = |indent: usize| self.width().saturating_sub(indent).max(1);
        let text = match self.output_width {
            Some(_) => self.with_short_home(text),
            None => text.to_owned(),
        };
        let lines = if self.output_width.is_some() && !self.plain {
            wrap_for_terminal(&text, left(first), left(rest))
        } else {
            wrap_hanging(&text, left(first), left(rest))
        };
        for (at, line) in self.with_bold_command(lines).enumerate() {
            let indent = if at == 0 { first } else { rest };
            self.print(&format!("{:indent$}{line}", ""));
        }
    }

    /// Prints a catalogue message on stderr, in lines that fit where that is a terminal.
    pub(crate) fn print_note(&self, msg: &Msg) {
        self.eprint_hanging("", 2, &self.render(msg));
    }

    /// Prints a text on stderr behind a mark: on a terminal in lines that fit, indented by `rest` columns after the first,
    /// and with `~` for the home folder; elsewhere as one line, which can be searched for.
    pub(crate) fn eprint_hanging(&self, mark: &str, rest: usize, text: &str) {
        let Some(columns) = self.error_width else {
            return self.eprint(&format!("{mark}{text}"));
        };
        let left = |used: usize| columns.saturating_sub(used).max(1);
        let text = self.with_short_home(text);
        let used = console::measure_text_width(mark);
        let lines = if self.plain {
            wrap_hanging(&text, left(used), left(rest))
        } else {
            wrap_for_terminal(&text, left(used), left(rest))
        };
        for (at, line) in self.with_bold_command(lines).enumerate() {
            self.eprint(&if at == 0 {
                format!("{mark}{line}")
            } else {
                format!("{:rest$}{line}", "")
            });
        }
    }

    /// Returns the lines of a sentence with the command at its end in bold, where there is colour.
    fn with_bold_command(&self, lines: Vec<String>) -> impl Iterator<Item = String> + use<> {
        let bold = console::Style::new().bold().force_styling(self.colour);
        lines.into_iter().map(move |line| match command_start(&line) {
            Some(start) => {
                let (head, command) = line.split_at(start);
                format!("{head}{}", bold.apply_to(command))
            }
            None => line,
        })
    }

    /// Returns a text with `~` for the home folder.
    fn with_short_home(&self, text: &str) -> String {
        let short = |home| abbreviate_home_in(text, home);
        self.home.map_or_else(|| text.to_owned(), short)
    }

    /// Prints the one JSON document of this run of the program on stdout.
    ///
    /// # Panics
    /// Where a key of a map is no text, which no document of this program has.
    pub(crate) fn print_json(&self, document: &impl Serialize) {
        let text = serde_json::to_string_pretty(document).expect("documents have text keys");
        self.print(&text);
    }

    /// Prints an error on stderr as text, and with `--json` also on stdout as a JSON document.
    pub(crate) fn report_error(&self, error: &Error) {
        let document = self.print_error(error);
        if self.json {
            self.print_json(&document);
        }
    }

    /// Prints an error on stderr as text, and returns it as a JSON document.
    pub(crate) fn print_error(&self, error: &Error) -> Value {
        let red = console::Style::new().red();
        let red = red.force_styling(self.colour && self.error_width.is_some());
        let mark = red.apply_to("[openclaw]");
        self.eprint_hanging(&format!("{mark} "), 2, &self.render(&error.msg));
        if let Some(cause) = &error.cause {
            self.eprint_hanging("  ", 2, &format!("{cause:#}"));
        }
        for hint in &error.hints {
            self.eprint_hint(&self.render(hint));
        }
        self.error_document(error)
    }

    /// Returns a heading of the screen output, bold where there is colour.
    fn heading(&self, msg: &Msg) -> String {
        console::style(self.render(msg))
            .bold()
            .force_styling(self.colour)
            .to_string()
    }

    /// Returns a notice to the user behind a mark, in lines that fit the terminal.
    pub(crate) fn render_notice(&self, msg: &Msg) -> String {
        let lines = wrap(&self.render(msg), self.width().saturating_sub(4));
        let marked = lines
            .iter()
            .enumerate()
            .map(|(at, line)| format!("  {} {line}", if at == 0 { "!" } else { " " }));
        let style = console::Style::new().yellow().force_styling(self.colour);
        let styled = marked.map(|line| style.apply_to(line).to_string());
        styled.collect::<Vec<_>>().join("\n")
    }

    /// Returns a catalogue message in lines that fit the terminal on stderr.
    pub(crate) fn paragraph_lines(&self, msg: &Msg) -> Vec<String> {
        let columns = self.error_width();
        let lines = wrap_hanging(&self.render(msg), columns, columns);
        self.with_bold_command(lines).collect()
    }

    /// Breaks a text into lines of the plan: on a terminal behind the `/` of a long path too. Elsewhere a path stays whole, where
    /// programs read it, and for a screen reader.
    fn wrap_plan(&self, text: &str, columns: usize) -> Vec<String> {
        if self.output_width.is_some() && !self.plain {
            wrap_for_terminal(text, columns, columns)
        } else {
            wrap(text, columns)
        }
    }

    /// Prints a catalogue message on stderr in lines that fit the terminal.
    pub(crate) fn eprint_paragraph(&self, msg: &Msg) {
        self.eprint_hanging("", 0, &self.render(msg));
    }

    /// Prints on stderr why a reply to the wizard was rejected, before its question is asked again.
    pub(crate) fn print_rejection(&self, error: &Error) {
        self.eprint_paragraph(&error.msg);
        if let Some(cause) = &error.cause {
            self.eprint_hanging("  ", 2, &format!("{cause:#}"));
        }
        for hint in &error.hints {
            self.eprint_hint(&self.render(hint));
        }
    }

    /// Prints a hint to the user on stderr, behind an arrow.
    pub(crate) fn eprint_hint(&self, hint: &str) {
        self.eprint_hanging(&format!("  {} ", self.arrow()), 4, hint);
    }

    /// Returns an error as a JSON document.
    fn error_document(&self, error: &Error) -> Value {
        let hints: Vec<_> = error.hints.iter().map(|hint| self.render(hint)).collect();
        let mut document = json!({
            "ok": false,
            "code": error.code(),
            "exit": error.kind.exit_code(),
            "message": self.render(&error.msg),
            "hints": hints,
        });
        if let Some(cause) = &error.cause {
            document["cause"] = format!("{cause:#}").into();
        }
        document
    }

    /// Returns the arrow that is printed before a hint to the user, in Unicode or ASCII.
    fn arrow(&self) -> &'static str {
        if self.ascii || self.plain { "->" } else { "→" }
    }
}

#[expect(
    clippy::unused_self,
    reason = "who prints holds the screen; output elsewhere is found by its type"
)]
impl Ui {
    /// Prints text on stdout, followed by a line end.
    pub(crate) fn print(&self, text: &str) {
        write_line(&mut io::stdout().lock(), text);
    }

    /// Prints text on stdout, followed by a line end; returns `false` where the reader of stdout has gone. For output
    /// without end.
    pub(crate) fn try_print(&self, text: &str) -> bool {
        use io::Write as _;
        let mut out = io::stdout().lock();
        writeln!(out, "{text}").and_then(|()| out.flush()).is_ok()
    }

    /// Sends a text to the clipboard of the terminal on stderr by the control sequence OSC 52, which shows nothing. A terminal
    /// that does not know it ignores it.
    pub(crate) fn copy_to_clipboard(&self, text: &str) {
        use base64::Engine as _;
        use io::Write as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        let mut terminal = io::stderr().lock();
        // A terminal that has gone needs no clipboard.
        let _ = write!(terminal, "\u{1b}]52;c;{encoded}\u{7}").and_then(|()| terminal.flush());
    }

    /// Prints text on stderr, followed by a line end.
    pub(crate) fn eprint(&self, text: &str) {
        write_line(&mut io::stderr().lock(), text);
    }
}

/// Writes a line to an output stream, and ignores the error of a reader that has gone. A reader that is gone (`|
/// head`) is not an error.
fn write_line(to: &mut impl io::Write, text: &str) {
    let mut write = || -> io::Result<()> {
        to.write_all(text.as_bytes())?;
        to.write_all(b"\n")?;
        to.flush()
    };
    let _ = write();
}

/// Returns `true` if the character encoding of the locale is UTF-8, which is assumed where no variable says.
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
