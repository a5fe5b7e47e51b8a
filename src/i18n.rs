//! Languages, and the sentences that the program shows in them.
//!
//! Most code passes sentences on as a [`Msg`]: a key and its arguments, in no language yet. A `Msg` is rendered where
//! it leaves the program (on the screen, in a log or a reply), in the one [`Lang`] that was chosen for that. The
//! catalogues are `locales/*.toml`, built into the program; English is the fallback for a key that a language lacks,
//! and the key itself is the last resort, so that no message is ever empty.

use std::fmt::{self, Write as _};

use crate::text::replace_unsafe;

mod detect;
mod duration;
mod size;

pub(crate) use detect::{detect, lang_of_locale};
pub(crate) use duration::duration_msg;
pub(crate) use size::size_msg;

/// The catalogue of messages and workspace files in one language.
struct Locale {
    /// The code of the language, such as `en`.
    code: &'static str,
    /// The (key, text) pairs of the messages, sorted by key.
    messages: &'static [(&'static str, &'static str)],
    /// The (name, text) pairs of the initial files of a workspace.
    workspace: &'static [(&'static str, &'static str)],
}

mod catalogue {
    use super::Locale;
    include!(concat!(env!("OUT_DIR"), "/locales.rs"));
}
use catalogue::LOCALES;

/// A language that the program speaks: an index into the catalogues of messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Lang(usize);

impl Lang {
    /// Returns English, the language that is used where no other has a text.
    pub fn english() -> Self {
        Self::from_code("en").unwrap_or(Self(0))
    }

    /// Returns the language with this code (`tr`, `en`), whose case does not count.
    pub fn from_code(code: &str) -> Option<Self> {
        LOCALES
            .iter()
            .position(|l| l.code.eq_ignore_ascii_case(code))
            .map(Self)
    }

    /// Returns all languages that the program speaks, in order of their codes.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..LOCALES.len()).map(Self)
    }

    /// Returns the language after this one in the order of their codes, and after the last one the first.
    pub(crate) fn next(self) -> Self {
        let after = Self::all().skip_while(|lang| *lang != self).nth(1);
        after.or_else(|| Self::all().next()).unwrap_or(self)
    }

    /// Returns the code of a language, such as `en`, which is the name of the catalogue's file.
    pub fn code(self) -> &'static str {
        LOCALES[self.0].code
    }

    /// Returns the text of a message in a language by the message's key, with its placeholders.
    pub fn text(self, key: &str) -> Option<&'static str> {
        let messages = LOCALES[self.0].messages;
        messages
            .binary_search_by_key(&key, |(k, _)| k)
            .ok()
            .map(|at| messages[at].1)
    }

    /// Returns the messages of a language as (key, text) pairs, in order of their keys.
    pub fn messages(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        LOCALES[self.0].messages.iter().copied()
    }
}

impl fmt::Debug for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Returns the initial files of a workspace as (name, text) pairs, in English where the language has none.
pub fn workspace_files(lang: Lang) -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = LOCALES[lang.0].workspace;
    let files = if own.is_empty() {
        LOCALES[Lang::english().0].workspace
    } else {
        own
    };
    files.iter().copied()
}

/// A translatable sentence that is not in any language yet: a key of the catalogues of messages, and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Msg {
    key: &'static str,
    args: Vec<(&'static str, Arg)>,
}

/// The value of a placeholder `{name}` of a translatable message.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Arg {
    Text(String),
    Msg(Msg),
}

impl Msg {
    /// Creates a translatable message without arguments from its key. Use [`msg!`] where possible: a test checks it
    /// against the catalogues.
    pub fn new(key: &'static str) -> Self {
        Self {
            key,
            args: Vec::new(),
        }
    }

    /// Sets the value of the placeholder `{name}` of a translatable message. Characters that would do something to a
    /// terminal are replaced: the value may be what another program, a file or a path is called.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.args
            .push((name, Arg::Text(replace_unsafe(value.to_string()))));
        self
    }

    /// Sets the placeholder `{name}` of a translatable message to another sentence, which is rendered in the same
    /// language.
    #[must_use]
    pub(crate) fn with_msg(mut self, name: &'static str, value: Msg) -> Self {
        self.args.push((name, Arg::Msg(value)));
        self
    }

    /// Returns the key of a translatable message: stable, and the `code` of `--json` errors.
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// Renders a translatable message in a language.
    pub fn render(&self, lang: Lang) -> String {
        self.render_with(lang, &str::to_owned)
    }

    /// Renders a translatable message in a language, with its own text, but not its arguments, passed through
    /// `map_text`.
    pub(crate) fn render_with(&self, lang: Lang, map_text: &dyn Fn(&str) -> String) -> String {
        let mut rest = lang
            .text(self.key)
            .or_else(|| Lang::english().text(self.key))
            .unwrap_or(self.key);
        let mut out = String::with_capacity(rest.len());
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(&map_text(before));
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            match self.args.iter().find(|(n, _)| *n == name) {
                Some((_, Arg::Text(text))) => out.push_str(text),
                Some((_, Arg::Msg(msg))) => out.push_str(&msg.render_with(lang, map_text)),
                None => {
                    let _ = write!(out, "{{{name}}}");
                }
            }
            rest = after;
        }
        out.push_str(&map_text(rest));
        out
    }
}

/// Creates a [`Msg`] with its arguments: `msg!("ports.held", port = 18789, name = "node")`.
macro_rules! msg {
    ($key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::i18n::Msg::new($key)$(.with(stringify!($name), &$value))*
    };
}
pub(crate) use msg;
