//! The prompt for yes or no, in the words of the language. One table says what is shown and what is understood, so that
//! the two cannot differ. No word changes its case at run time, which Turkish would not survive.

use console::measure_text_width;

use super::keys::Key;
use super::line_editor::LineEditor;
use super::prompt::{KeyOutcome, Prompt};
use super::theme::{Frame, KeyHint, MARK_WIDTH, PromptTheme, TerminalSize, hang_indent};
use crate::i18n::{Lang, Msg, msg};
use crate::wizard::question::{Question, Reply};

/// Maximum number of typed letters that a yes-or-no prompt shows: no word that it accepts is longer.
const MAX_TYPED_LETTERS: usize = 10;
/// Number of blanks between yes and no when a prompt shows them on one line.
const ANSWER_GAP: &str = "   ";

/// An answer of a yes-or-no prompt, with the catalogue keys of its texts.
struct Answer {
    yes: bool,
    /// The key of the word that is shown.
    label: &'static str,
    /// The key of the words that may be typed, separated by blanks; the letter that is shown comes first.
    accepted: &'static str,
}

/// The two answers of a yes-or-no prompt, in the order in which they are shown.
const ANSWERS: [Answer; 2] = [
    Answer {
        yes: true,
        label: "ui.yes",
        accepted: "ui.yes-words",
    },
    Answer {
        yes: false,
        label: "ui.no",
        accepted: "ui.no-words",
    },
];

impl Answer {
    fn new(yes: bool) -> &'static Self {
        &ANSWERS[usize::from(!yes)]
    }

    fn accepted(&self, lang: Lang) -> impl Iterator<Item = &'static str> {
        lang.text(self.accepted).unwrap_or_default().split(' ')
    }
}

/// Returns yes (`true`) or no if it is the only answer of a yes-or-no prompt of which a word is accepted by
/// `matches`.
fn find_answer(lang: Lang, matches: impl Fn(&str) -> bool) -> Option<bool> {
    let mut found = ANSWERS
        .iter()
        .filter(|answer| answer.accepted(lang).any(&matches));
    let first = found.next()?;
    found.next().is_none().then_some(first.yes)
}

/// Returns the answer to a yes-or-no prompt that a whole typed word means.
pub(super) fn parse(lang: Lang, typed: &str) -> Option<bool> {
    find_answer(lang, |word| word == typed)
}

/// Returns the answer of a yes-or-no prompt whose word starts with the typed text; no answer for an empty text.
fn parse_start(lang: Lang, typed: &str) -> Option<bool> {
    find_answer(lang, |word| !typed.is_empty() && word.starts_with(typed))
}

/// Returns the letter that a yes-or-no prompt shows for an answer.
pub(super) fn letter(lang: Lang, yes: bool) -> &'static str {
    Answer::new(yes).accepted(lang).next().unwrap_or_default()
}

/// Returns the word that a yes-or-no prompt shows for an answer.
pub(super) fn label(yes: bool) -> Msg {
    Msg::new(Answer::new(yes).label)
}

/// Returns the sentence that says which letters may be typed at a yes-or-no prompt.
pub(super) fn expected_letters(lang: Lang) -> Msg {
    msg!("ui.yes-or-no", yes = letter(lang, true), no = letter(lang, false))
}

/// A terminal prompt with the answers yes and no, of which one is marked or none.
#[derive(Clone, Debug)]
pub(super) struct YesNoPrompt {
    text: String,
    lang: Lang,
    marked: Option<bool>,
    typed: LineEditor,
    /// `true` if Enter was pressed while no answer was marked.
    is_refused: bool,
    hint: KeyHint,
}

impl YesNoPrompt {
    pub(super) fn new(text: String, lang: Lang, default: Option<bool>) -> Self {
        Self {
            text,
            lang,
            marked: default,
            typed: LineEditor::default(),
            is_refused: false,
            hint: KeyHint::default(),
        }
    }

    /// Makes a yes-or-no prompt say what Esc does, and which question it is.
    pub(super) fn with_keys_of(self, question: &Question) -> Self {
        let hint = KeyHint::new(question);
        Self { hint, ..self }
    }

    fn mark(&mut self, yes: bool) {
        self.marked = Some(yes);
        self.typed = LineEditor::default();
        self.is_refused = false;
    }

    /// Returns the lines of a prompt with the answers yes and no, on one line where they fit.
    fn answer_lines(&self, theme: &PromptTheme, columns: usize) -> Vec<String> {
        let styles = &theme.theme;
        let answers = ANSWERS.iter().map(|answer| {
            let label = theme.text(&label(answer.yes));
            let label = format!("{label} ({})", letter(self.lang, answer.yes));
            let (mark, style) = if self.marked == Some(answer.yes) {
                (&styles.active_item_prefix, &styles.active_item_style)
            } else {
                (&styles.inactive_item_prefix, &styles.inactive_item_style)
            };
            let lines = theme.wrap_styled(&[(&label, style)], columns.saturating_sub(MARK_WIDTH));
            hang_indent(&mark.to_string(), lines)
        });
        let answers: Vec<_> = answers.collect();
        let lines = answers.iter().flatten();
        let beside: usize = lines
            .map(|line| measure_text_width(line) + ANSWER_GAP.len())
            .sum();
        if beside <= columns + ANSWER_GAP.len() && answers.iter().all(|lines| lines.len() == 1) {
            vec![answers.concat().join(ANSWER_GAP)]
        } else {
            answers.concat()
        }
    }
}

impl Prompt for YesNoPrompt {
    fn handle_key(&mut self, key: &Key) -> KeyOutcome {
        match key {
            Key::Up | Key::Left | Key::Home if self.typed.is_empty() => self.mark(true),
            Key::Down | Key::Right | Key::End if self.typed.is_empty() => self.mark(false),
            Key::Up | Key::Down => self.mark(matches!(key, Key::Up)),
            Key::Tab => self.mark(!self.marked.unwrap_or(false)),
            Key::Enter => match self.marked {
                Some(yes) => return KeyOutcome::Answered(Reply::Yes(yes)),
                None => self.is_refused = true,
            },
            Key::Escape => return KeyOutcome::Answered(Reply::Back),
            key => {
                // A mark that no typed letter stands for any more would be an answer that nobody gave.
                if self.typed.handle_key(key) {
                    self.marked = parse_start(self.lang, self.typed.text());
                    self.is_refused = false;
                }
            }
        }
        KeyOutcome::Pending
    }

    fn render(&self, theme: &PromptTheme, size: TerminalSize) -> Frame {
        let suffix = theme.prompt_suffix();
        let (typed, _) = self.typed.split_at_cursor();
        let typed = theme.displayable(typed);
        // The end is what is being typed.
        let mut starts = typed.char_indices().rev().map(|(at, _)| at);
        let start = starts.nth(MAX_TYPED_LETTERS - 1).unwrap_or(0);
        let more = [
            (suffix.as_str(), &theme.theme.hint_style),
            (&typed[start..], &theme.theme.values_style),
        ];
        let mut lines = theme.question_lines(&self.text, &more, size.columns);
        lines.extend(self.answer_lines(theme, size.columns));
        if self.is_refused {
            lines.extend(theme.error_lines(&expected_letters(self.lang), size.columns));
        }
        let letters = |msg: Msg| {
            msg.with("yes", letter(self.lang, true))
                .with("no", letter(self.lang, false))
                .with_msg("arrows", theme.horizontal_arrows())
        };
        let keys = letters(match self.marked {
            Some(_) => msg!("ui.keys-yes-no"),
            None => msg!("ui.keys-yes-no-open"),
        });
        let keys = theme.key_hint(&self.hint, &keys, size.columns);
        if lines.len() + keys.len() < size.rows {
            lines.extend(keys);
        }
        Frame { lines, cursor: None }
    }

    fn answer_text(&self, theme: &PromptTheme) -> String {
        let label = self.marked.map(|yes| theme.text(&label(yes)));
        label.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shown_word_is_understood() {
        for lang in Lang::all() {
            for yes in [true, false] {
                let shown = label(yes).render(lang);
                assert_eq!(parse(lang, &shown), Some(yes), "{lang:?}: {shown}");
                assert_eq!(parse(lang, letter(lang, yes)), Some(yes), "{lang:?}");
                let ascii = crate::text::to_ascii(&shown);
                assert_eq!(parse(lang, &ascii), Some(yes), "{lang:?}: {ascii}");
                for word in Answer::new(yes).accepted(lang) {
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
    fn first_letters_of_a_word_decide_and_the_rest_changes_nothing() {
        let turkish = Lang::from_code("tr").unwrap();
        // The y of hayır is no yes.
        for (word, yes) in [
            ("hayır", false),
            ("HAYIR", false),
            ("evet", true),
            ("yes", true),
            ("n", false),
        ] {
            let mut prompt = YesNoPrompt::new(String::new(), turkish, None);
            for letter in word.chars() {
                assert!(matches!(
                    prompt.handle_key(&Key::Char(letter)),
                    KeyOutcome::Pending
                ));
                assert_eq!(prompt.marked, Some(yes), "{word} at {letter}");
            }
            assert!(
                matches!(prompt.handle_key(&Key::Enter), KeyOutcome::Answered(Reply::Yes(y)) if y == yes)
            );
        }
        let mut prompt = YesNoPrompt::new(String::new(), turkish, Some(true));
        for letter in "yok".chars() {
            prompt.handle_key(&Key::Char(letter));
        }
        assert_eq!(prompt.marked, None, "no accepted word");
        assert!(matches!(prompt.handle_key(&Key::Enter), KeyOutcome::Pending));
        assert!(prompt.is_refused);
        prompt.handle_key(&Key::DeleteToStart);
        prompt.handle_key(&Key::Left);
        assert!(matches!(
            prompt.handle_key(&Key::Enter),
            KeyOutcome::Answered(Reply::Yes(true))
        ));
    }
}
