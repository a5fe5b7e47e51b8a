//! A sentence in every language of the program, which can be kept on disk until it is known who reads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::i18n::{Lang, Msg, msg};

/// Maximum size of a kept sentence in one language, in bytes; the rest of a longer one is left out.
const MAX_BYTES: usize = 400;

/// A sentence in every language, by the language's code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Sentence(BTreeMap<String, String>);

impl Sentence {
    /// Renders a sentence in every language. What `redact` leaves out is not kept.
    pub(crate) fn new(msg: &Msg, redact: &dyn Fn(&str) -> String) -> Self {
        let in_language = |lang: Lang| {
            let mut text = redact(&msg.render(lang));
            if text.len() > MAX_BYTES {
                text.truncate(text.floor_char_boundary(MAX_BYTES));
                text.push('…');
            }
            (lang.code().to_owned(), text)
        };
        Self(Lang::all().map(in_language).collect())
    }

    /// Returns the sentence in a language, or in any where it was kept without this one.
    pub(crate) fn msg(&self, lang: Lang) -> Msg {
        let text = self.0.get(lang.code()).or_else(|| self.0.values().next());
        msg!("bot.said", text = text.map(String::as_str).unwrap_or_default())
    }
}
