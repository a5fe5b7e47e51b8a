//! Yes or no, in the words of the language. One table says what is shown and what is understood, so the
//! two can't differ; no word is put into another case at run time, which Turkish would not survive.

use console::{measure_text_width as width, strip_ansi_codes};

use super::keys::Key;
use super::line::Line;
use super::skin::{Frame, Size, Skin, hang};
use super::{Next, Prompt};
use crate::i18n::{Lang, Msg, msg};
use crate::wizard::question::Reply;

/// An answer: what it means, its label, and what may be typed for it, the letter that is shown first.
struct Answer {
    yes: bool,
    label: &'static str,
    words: &'static str,
}

const ANSWERS: [Answer; 2] = [
    Answer {
        yes: true,
        label: "ui.yes",
        words: "ui.yes-words",
    },
    Answer {
        yes: false,
        label: "ui.no",
        words: "ui.no-words",
    },
];

impl Answer {
    fn of(yes: bool) -> &'static Self {
        &ANSWERS[usize::from(!yes)]
    }

    fn words(&self, lang: Lang) -> impl Iterator<Item = &'static str> {
        lang.text(self.words).unwrap_or_default().split(' ')
    }
}

/// What a text means, whole or as the start of a word.
fn meaning(lang: Lang, typed: &str, whole: bool) -> Option<bool> {
    let fits = |word: &str| {
        if whole {
            word == typed
        } else {
            word.starts_with(typed)
        }
    };
    let mut meant = ANSWERS.iter().filter(|answer| answer.words(lang).any(fits));
    let first = meant.next().filter(|_| !typed.is_empty())?;
    meant.next().is_none().then_some(first.yes)
}

/// What a whole word means.
pub(super) fn parse(lang: Lang, typed: &str) -> Option<bool> {
    meaning(lang, typed, true)
}

/// The letter that is shown for an answer.
pub(super) fn letter(lang: Lang, yes: bool) -> &'static str {
    Answer::of(yes).words(lang).next().unwrap_or_default()
}

/// The word that is shown for an answer.
pub(super) fn label(yes: bool) -> Msg {
    Msg::new(Answer::of(yes).label)
}

/// Which letters to type.
pub(super) fn wanted(lang: Lang) -> Msg {
    msg!("ui.yes-or-no", yes = letter(lang, true), no = letter(lang, false))
}

/// Two words, one of them marked or none.
#[derive(Clone, Debug)]
pub(super) struct YesNo {
    text: String,
    lang: Lang,
    marked: Option<bool>,
    typed: Line,
    complained: bool,
}

impl YesNo {
    pub(super) fn new(text: String, lang: Lang, default: Option<bool>) -> Self {
        Self {
            text,
            lang,
            marked: default,
            typed: Line::default(),
            complained: false,
        }
    }

    fn mark(&mut self, yes: bool) {
        self.marked = Some(yes);
        self.typed = Line::default();
        self.complained = false;
    }
}

impl Prompt for YesNo {
    fn on(&mut self, key: &Key) -> Next {
        match key {
            Key::Up | Key::Left | Key::Home if self.typed.is_empty() => self.mark(true),
            Key::Down | Key::Right | Key::End if self.typed.is_empty() => self.mark(false),
            Key::Up | Key::Down => self.mark(matches!(key, Key::Up)),
            Key::Tab => self.mark(!self.marked.unwrap_or(false)),
            Key::Enter => match self.marked {
                Some(yes) => return Next::Take(Reply::Yes(yes)),
                None => self.complained = true,
            },
            Key::Escape => return Next::Take(Reply::Back),
            key => {
                // A mark that stands for no letter any more would be an answer that nobody gave.
                if self.typed.on(key) {
                    self.marked = meaning(self.lang, self.typed.text(), false);
                    self.complained = false;
                }
            }
        }
        Next::Stay
    }

    fn render(&self, skin: &Skin, size: Size) -> Frame {
        let theme = &skin.theme;
        let suffix = strip_ansi_codes(&theme.prompt_suffix.to_string()).into_owned();
        // No word is this long: the end is what is being typed.
        let (typed, _) = self.typed.halves();
        let typed = skin.shown(typed);
        let room = typed.char_indices().rev().nth(9).map_or(0, |(at, _)| at);
        let more = [
            (suffix.as_str(), &theme.hint_style),
            (&typed[room..], &theme.values_style),
        ];
        let mut lines = skin.question(&self.text, &more, size.columns);
        let answers = ANSWERS.iter().map(|answer| {
            let word = format!(
                "{} ({})",
                skin.say(&label(answer.yes)),
                letter(self.lang, answer.yes)
            );
            let (mark, style) = if self.marked == Some(answer.yes) {
                (&theme.active_item_prefix, &theme.active_item_style)
            } else {
                (&theme.inactive_item_prefix, &theme.inactive_item_style)
            };
            hang(
                &mark.to_string(),
                skin.flow(&[(&word, style)], size.columns.saturating_sub(2)),
            )
        });
        let answers: Vec<_> = answers.collect();
        let beside = answers
            .iter()
            .flatten()
            .map(|line| width(line) + 3)
            .sum::<usize>();
        if beside <= size.columns + 3 && answers.iter().all(|lines| lines.len() == 1) {
            lines.push(answers.concat().join("   "));
        } else {
            lines.extend(answers.concat());
        }
        if self.complained {
            lines.extend(skin.complaint(&wanted(self.lang), size.columns));
        }
        if lines.len() + 1 < size.rows {
            lines.extend(skin.keys(&msg!("ui.keys-yes-no"), size.columns));
        }
        Frame { lines, cursor: None }
    }

    fn answer(&self, skin: &Skin) -> String {
        self.marked.map(|yes| skin.say(&label(yes))).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_what_is_understood() {
        for lang in Lang::all() {
            for yes in [true, false] {
                let shown = label(yes).render(lang);
                assert_eq!(parse(lang, &shown), Some(yes), "{lang:?}: {shown}");
                assert_eq!(parse(lang, letter(lang, yes)), Some(yes), "{lang:?}");
                let ascii = crate::text::to_ascii(&shown);
                assert_eq!(parse(lang, &ascii), Some(yes), "{lang:?}: {ascii}");
                for word in Answer::of(yes).words(lang) {
                    assert_eq!(parse(lang, word), Some(yes), "{lang:?}: {word}");
                }
            }
            assert_eq!(parse(lang, "y"), Some(true));
            assert_eq!(parse(lang, "n"), Some(false));
            assert_eq!(parse(lang, ""), None);
            assert_eq!(parse(lang, "ye"), None);
        }
    }

    #[test]
    fn a_word_is_read_from_its_start_and_its_other_letters_change_nothing() {
        let turkish = Lang::from_code("tr").unwrap();
        // The y of hayır is no yes.
        for (word, yes) in [
            ("hayır", false),
            ("HAYIR", false),
            ("evet", true),
            ("yes", true),
            ("n", false),
        ] {
            let mut prompt = YesNo::new(String::new(), turkish, None);
            for letter in word.chars() {
                assert!(matches!(prompt.on(&Key::Char(letter)), Next::Stay));
                assert_eq!(prompt.marked, Some(yes), "{word} at {letter}");
            }
            assert!(matches!(prompt.on(&Key::Enter), Next::Take(Reply::Yes(y)) if y == yes));
        }
        let mut prompt = YesNo::new(String::new(), turkish, Some(true));
        for letter in "yok".chars() {
            prompt.on(&Key::Char(letter));
        }
        assert_eq!(prompt.marked, None, "no word of ours");
        assert!(matches!(prompt.on(&Key::Enter), Next::Stay));
        assert!(prompt.complained);
        prompt.on(&Key::CutBefore);
        prompt.on(&Key::Left);
        assert!(matches!(prompt.on(&Key::Enter), Next::Take(Reply::Yes(true))));
    }
}
