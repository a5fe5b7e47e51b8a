//! Languages and sentences.
//!
//! The domain speaks in [`Msg`]: a key and its arguments, in no language yet. Only the edge (`ui`)
//! turns a `Msg` into words, in the one [`Lang`] that was chosen when the program started. The
//! catalogues are `locales/*.toml`, built into the program; English is the fallback for a key that a
//! language lacks, and the key itself is the last resort, so that no message is ever empty.

use std::fmt::{self, Write as _};

mod detect;

pub use detect::detect;

/// One catalogue: its language code and its messages, sorted by key.
struct Locale {
    code: &'static str,
    messages: &'static [(&'static str, &'static str)],
    workspace: &'static [(&'static str, &'static str)],
}

mod catalogue {
    use super::Locale;
    include!(concat!(env!("OUT_DIR"), "/locales.rs"));
}
use catalogue::LOCALES;

/// A language that the program speaks: an index into the catalogues.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Lang(usize);

impl Lang {
    /// English, the fallback.
    pub fn english() -> Self {
        Self::from_code("en").unwrap_or(Self(0))
    }

    /// The language with this code (`tr`, `en`), in ASCII of any case.
    pub fn from_code(code: &str) -> Option<Self> {
        LOCALES
            .iter()
            .position(|l| l.code.eq_ignore_ascii_case(code))
            .map(Self)
    }

    /// All languages, in order of their code.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..LOCALES.len()).map(Self)
    }

    /// The code, which is the name of the catalogue's file.
    pub fn code(self) -> &'static str {
        LOCALES[self.0].code
    }

    /// The text for a key, before its arguments are put in.
    pub fn text(self, key: &str) -> Option<&'static str> {
        let messages = LOCALES[self.0].messages;
        messages
            .binary_search_by_key(&key, |(k, _)| k)
            .ok()
            .map(|at| messages[at].1)
    }

    /// Every (key, text) of this language, in order of key.
    pub fn messages(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        LOCALES[self.0].messages.iter().copied()
    }
}

impl fmt::Debug for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The first files of a workspace, (name, text), in a language; in English where it has none.
pub fn workspace_files(lang: Lang) -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = LOCALES[lang.0].workspace;
    let files = if own.is_empty() {
        LOCALES[Lang::english().0].workspace
    } else {
        own
    };
    files.iter().copied()
}

/// A sentence that is not yet in any language: a key of the catalogue and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Msg {
    key: &'static str,
    args: Vec<(&'static str, Arg)>,
}

/// What stands in a `{name}` of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Arg {
    Text(String),
    Msg(Msg),
}

impl Msg {
    /// A sentence without arguments. Use [`msg!`], which a test checks against the catalogues.
    pub fn new(key: &'static str) -> Self {
        Self {
            key,
            args: Vec::new(),
        }
    }

    /// Puts a value in the place `{name}`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.args.push((name, Arg::Text(value.to_string())));
        self
    }

    /// Puts another sentence, in the same language, in the place `{name}`.
    #[must_use]
    pub fn with_msg(mut self, name: &'static str, value: Msg) -> Self {
        self.args.push((name, Arg::Msg(value)));
        self
    }

    /// The key: stable, and the `code` of `--json` errors.
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// The sentence in a language.
    pub fn render(&self, lang: Lang) -> String {
        self.render_with(lang, &str::to_owned)
    }

    /// The sentence in a language, its own words (not its arguments, which are the user's) passed through `words`.
    pub fn render_with(&self, lang: Lang, words: &dyn Fn(&str) -> String) -> String {
        let mut rest = lang
            .text(self.key)
            .or_else(|| Lang::english().text(self.key))
            .unwrap_or(self.key);
        let mut out = String::with_capacity(rest.len());
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(&words(before));
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            match self.args.iter().find(|(n, _)| *n == name) {
                Some((_, Arg::Text(text))) => out.push_str(text),
                Some((_, Arg::Msg(msg))) => out.push_str(&msg.render_with(lang, words)),
                None => {
                    let _ = write!(out, "{{{name}}}");
                }
            }
            rest = after;
        }
        out.push_str(&words(rest));
        out
    }
}

/// `msg!("ports.held", port = 18789, name = "node")`: a [`Msg`] with its arguments.
macro_rules! msg {
    ($key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::i18n::Msg::new($key)$(.with(stringify!($name), &$value))*
    };
}
pub(crate) use msg;
