//! Prompts without a terminal: keys in, lines out.

use console::{measure_text_width, strip_ansi_codes};
use proptest::prelude::*;

use super::theme::TerminalSize;
use super::*;
use crate::host::Host;
use crate::i18n::{Lang, msg};
use crate::ports::Span;
use crate::ui::UiOptions;
use crate::wizard::question::{Choice, EmptyReply, PortChart};

fn theme(lang: &str, locale: &str) -> PromptTheme {
    let host = Host::fixed(&["openclaw"], [("LC_ALL", locale)]);
    let lang = Lang::from_code(lang).unwrap();
    PromptTheme::new(Ui::new(&host, Some(lang), UiOptions::default()))
}

fn turkish() -> PromptTheme {
    theme("tr", "tr_TR.UTF-8")
}

fn size(columns: usize, rows: usize) -> TerminalSize {
    TerminalSize { columns, rows }
}

/// Renders a prompt, and returns its lines without colours.
fn lines(theme: &PromptTheme, prompt: &dyn Prompt, size: TerminalSize) -> Vec<String> {
    let frame = prompt.render(theme, size);
    let plain = |line: &String| strip_ansi_codes(line).into_owned();
    frame.lines.iter().map(plain).collect()
}

fn span(first: u16) -> Span {
    Span {
        first,
        last: first + 110,
    }
}

/// The question for a base port beside one other instance.
fn port_question(choices: u16) -> Question {
    let option = |n: u16| Choice {
        key: None,
        value: None,
        note: None,
        id: n.to_string(),
        label: msg!("ui.spoken-no-choice", value = format!("seçenek-{n}-ğüşıöç")),
        details: vec![msg!("step.accept-risk.intro")],
        spans: vec![span(18789 + n * 60)],
    };
    let mut question = Question::choice(
        msg!("step.accept-risk.ask"),
        (0..choices).map(option).collect(),
        "1",
    );
    question.port_chart = Some(PortChart {
        others: vec![("default".to_owned(), vec![span(18789)])],
        own_label: "rescue".to_owned(),
    });
    question
}

fn answered(outcome: KeyOutcome) -> Reply {
    match outcome {
        KeyOutcome::Answered(reply) => reply,
        KeyOutcome::Pending => panic!("no reply"),
    }
}

fn press(prompt: &mut dyn Prompt, keys: &[Key]) {
    for key in keys {
        assert!(matches!(prompt.handle_key(key), KeyOutcome::Pending), "{key:?}");
    }
}

fn type_text(prompt: &mut dyn Prompt, text: &str) {
    for letter in text.chars() {
        assert!(matches!(
            prompt.handle_key(&Key::Char(letter)),
            KeyOutcome::Pending
        ));
    }
}

#[test]
fn escape_goes_back_from_every_prompt_whatever_was_typed() {
    let theme = turkish();
    let questions = [
        port_question(3),
        Question::text(msg!("step.profile.typed"), Some("rescue".to_owned())),
        Question::secret(msg!("step.profile.typed"), Some(EmptyReply::Kept)),
        Question::yes_no(msg!("step.profile.typed"), None),
    ];
    for question in &questions {
        let mut prompt = prompt(&theme, question);
        press(&mut *prompt, &[Key::Char('h'), Key::Right]);
        assert_eq!(answered(prompt.handle_key(&Key::Escape)), Reply::Back);
    }
}

#[test]
fn arrows_home_end_and_digits_move_the_mark() {
    let (theme, question) = (turkish(), port_question(12));
    for (keys, id) in [
        (&[][..], "1"),
        (&[Key::Down], "2"),
        (&[Key::Up, Key::Up], "11"),
        (&[Key::End, Key::Down], "0"),
        (&[Key::End, Key::Home], "0"),
        (&[Key::Char('9')], "8"),
        (&[Key::Char('0')], "1"),
        (&[Key::Char('j'), Key::Char('k')], "1"),
    ] {
        let mut prompt = prompt(&theme, &question);
        press(&mut *prompt, keys);
        assert_eq!(
            answered(prompt.handle_key(&Key::Enter)),
            Reply::Text(id.to_owned()),
            "{keys:?}"
        );
    }
}

#[test]
fn port_chart_shows_the_ports_that_a_near_base_shares() {
    let (theme, question) = (turkish(), port_question(3));
    let mut prompt = prompt(&theme, &question);
    let drawn = lines(&theme, &*prompt, size(79, 24)).join("\n");
    assert!(drawn.contains("  default ███"), "{drawn}");
    assert!(drawn.contains('▒'), "what is shared stands out:\n{drawn}");
    press(&mut *prompt, &[Key::Down]);
    let drawn = lines(&theme, &*prompt, size(79, 24)).join("\n");
    assert!(drawn.contains("rescue") && !drawn.contains('▒'), "{drawn}");
    let low = lines(&theme, &*prompt, size(79, 10)).join("\n");
    assert!(!low.contains('█'), "no room for it:\n{low}");
}

#[test]
fn long_list_shows_how_many_choices_are_hidden() {
    let (theme, question) = (turkish(), port_question(30));
    let mut prompt = prompt(&theme, &question);
    for at in 1..=40 {
        let drawn = lines(&theme, &*prompt, size(79, 12));
        assert!(drawn.len() <= 12, "{drawn:#?}");
        let marked: Vec<_> = drawn.iter().filter(|line| line.starts_with('❯')).collect();
        let expected = format!("seçenek-{}-", at % 30);
        assert!(marked.len() == 1 && marked[0].contains(&expected), "{drawn:#?}");
        assert!(
            drawn
                .iter()
                .any(|line| line.starts_with("  ↓ ") || line.starts_with("  ↑ "))
        );
        press(&mut *prompt, &[Key::Down]);
    }
}

#[test]
fn only_an_empty_line_takes_the_default() {
    let theme = turkish();
    let question = Question::text(msg!("step.profile.typed"), Some("rescue".to_owned()));
    let mut first = prompt(&theme, &question);
    let drawn = lines(&theme, &*first, size(79, 24));
    assert_eq!(drawn[0], "? Profil adı (rescue) › ");
    assert_eq!(
        answered(first.handle_key(&Key::Enter)),
        Reply::Text("rescue".to_owned())
    );
    assert_eq!(first.answer_text(&theme), "rescue");
    let mut second = prompt(&theme, &question);
    type_text(&mut *second, "çığ漢x");
    press(&mut *second, &[Key::Backspace, Key::Backspace]);
    assert_eq!(
        lines(&theme, &*second, size(79, 24))[0],
        "? Profil adı (rescue) › çığ"
    );
    assert_eq!(
        answered(second.handle_key(&Key::Enter)),
        Reply::Text("çığ".to_owned())
    );
}

#[test]
fn cursor_is_where_the_next_letter_is_inserted() {
    let theme = turkish();
    let question = Question::text(msg!("step.profile.typed"), None);
    let mut prompt = prompt(&theme, &question);
    let start = measure_text_width("? Profil adı › ");
    type_text(&mut *prompt, "漢字a");
    press(&mut *prompt, &[Key::Left]);
    assert_eq!(prompt.render(&theme, size(79, 24)).cursor, Some((0, start + 4)));
}

#[test]
fn long_line_shows_the_part_around_the_cursor() {
    let theme = turkish();
    let question = Question::text(msg!("step.profile.typed"), None);
    let mut prompt = prompt(&theme, &question);
    let text = format!("head{}tail", "漢".repeat(10_000));
    press(&mut *prompt, &[Key::Paste(text.clone())]);
    let drawn = lines(&theme, &*prompt, size(39, 20));
    assert!(
        drawn[0].contains("› …") && drawn[0].ends_with("漢tail"),
        "{drawn:?}"
    );
    press(&mut *prompt, &[Key::Home]);
    let drawn = lines(&theme, &*prompt, size(39, 20));
    assert!(drawn[0].contains("› head漢"), "{drawn:?}");
    assert_eq!(answered(prompt.handle_key(&Key::Enter)), Reply::Text(text));
}

#[test]
fn secrets_of_any_length_look_the_same() {
    let theme = turkish();
    let question = Question::secret(msg!("step.profile.typed"), None);
    let mut looks = Vec::new();
    for secret in ["k", "sk-canary-4711"] {
        let mut prompt = prompt(&theme, &question);
        type_text(&mut *prompt, secret);
        looks.push((prompt.render(&theme, size(79, 24)), prompt.answer_text(&theme)));
        assert_eq!(
            answered(prompt.handle_key(&Key::Enter)),
            Reply::Secret(crate::secret::Secret::new(secret))
        );
    }
    assert_eq!(looks[0], looks[1]);
}

#[test]
fn empty_secret_is_accepted_only_where_it_is_optional() {
    let theme = turkish();
    let question = Question::secret(msg!("step.profile.typed"), None);
    let mut needed = prompt(&theme, &question);
    press(&mut *needed, &[Key::Enter]);
    let drawn = lines(&theme, &*needed, size(79, 24)).join("\n");
    assert!(drawn.contains("✘ Bir değer girin."), "{drawn}");
    let question = Question::secret(msg!("step.profile.typed"), Some(EmptyReply::Kept));
    let mut optional = prompt(&theme, &question);
    assert_eq!(optional.answer_text(&theme), "aynı kalıyor");
    assert_eq!(
        answered(optional.handle_key(&Key::Enter)).into_secret().expose(),
        ""
    );
}

#[test]
fn enter_without_a_default_shows_the_accepted_letters() {
    let theme = turkish();
    let question = Question::yes_no(msg!("step.accept-risk.ask"), None);
    let mut prompt = prompt(&theme, &question);
    press(&mut *prompt, &[Key::Enter]);
    let drawn = lines(&theme, &*prompt, size(79, 24)).join("\n");
    assert!(
        drawn.contains("Evet (e)") && drawn.contains("Hayır (h)"),
        "{drawn}"
    );
    assert!(drawn.contains("✘ e veya h yazın."), "{drawn}");
    assert!(!drawn.contains('❯'), "{drawn}");
    press(&mut *prompt, &[Key::Left]);
    let drawn = lines(&theme, &*prompt, size(79, 24)).join("\n");
    assert!(drawn.contains("❯ Evet (e)") && !drawn.contains('✘'), "{drawn}");
    assert_eq!(answered(prompt.handle_key(&Key::Enter)), Reply::Yes(true));
    assert_eq!(prompt.answer_text(&theme), "Evet");
}

#[test]
fn answered_question_and_its_answer_stay_on_the_screen() {
    let plain = |theme: &PromptTheme, columns| {
        let kept = theme.answered_lines("Çalışma alanı", "/home/ayşe/çok/uzun/bir/yol", columns);
        kept.iter()
            .map(|line| strip_ansi_codes(line).into_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        plain(&turkish(), 79),
        ["✔ Çalışma alanı · /home/ayşe/çok/uzun/bir/yol"]
    );
    assert_eq!(
        plain(&turkish(), 29),
        ["✔ Çalışma alanı ·", "  /home/ayşe/çok/uzun/bir/yol"]
    );
    let ascii = plain(&theme("tr", "C"), 20);
    assert_eq!(
        ascii,
        ["* Calisma alani -", "  /home/ayse/cok/", "  uzun/bir/yol"]
    );
}

#[test]
fn typing_narrows_many_choices_down_and_escape_takes_it_back_first() {
    let theme = theme("en", "C.UTF-8");
    let ids = ["gpt-5.2", "gpt-5.2-mini", "o5-mini", "Whisper"];
    let options = ids
        .map(|id| Choice::new(id, msg!("ui.typed", text = id)))
        .to_vec();
    let question = Question::choice(msg!("step.model.ask"), options, "o5-mini").filtered();
    let mut prompt = prompt(&theme, &question);
    let shown = |prompt: &dyn Prompt| lines(&theme, prompt, size(60, 20)).join("\n");
    assert!(shown(&*prompt).contains("❯ o5-mini"), "{}", shown(&*prompt));
    type_text(&mut *prompt, "MINI g");
    assert!(
        shown(&*prompt).contains("? Model › MINI g"),
        "{}",
        shown(&*prompt)
    );
    assert!(
        shown(&*prompt).contains("❯ gpt-5.2-mini\n  1 of 4"),
        "{}",
        shown(&*prompt)
    );
    press(&mut *prompt, &[Key::Escape]);
    assert!(shown(&*prompt).contains("❯ o5-mini"), "{}", shown(&*prompt));
    type_text(&mut *prompt, "claude");
    press(&mut *prompt, &[Key::Enter, Key::Down]);
    assert!(shown(&*prompt).contains("Nothing matches"), "{}", shown(&*prompt));
    press(&mut *prompt, &[Key::DeleteWord, Key::Down, Key::Down]);
    assert_eq!(
        answered(prompt.handle_key(&Key::Enter)),
        Reply::Text("gpt-5.2".to_owned())
    );
    assert_eq!(answered(prompt.handle_key(&Key::Escape)), Reply::Back);
}

fn any_question() -> impl Strategy<Value = Question> {
    let text = || Just(msg!("step.accept-risk.ask"));
    prop_oneof![
        (1_u16..14).prop_map(port_question),
        (1_u16..40).prop_map(|choices| port_question(choices).filtered()),
        (text(), "[a-zğüşıöç漢🦞/ ]{0,120}").prop_map(|(text, default)| Question::text(text, Some(default))),
        (text(), any::<bool>())
            .prop_map(|(text, optional)| Question::secret(text, optional.then_some(EmptyReply::Kept))),
        (text(), any::<Option<bool>>()).prop_map(|(text, default)| Question::yes_no(text, default)),
    ]
}

proptest! {
    #[test]
    fn drawings_fit_the_terminal(
        question in any_question(),
        text in "[a-zğüşıöç漢🦞 \u{301}]{0,90}",
        downs in 0_usize..15,
        columns in 19_usize..200,
        rows in 10_usize..50,
        turkish in any::<bool>(),
        utf8 in any::<bool>(),
    ) {
        let theme = theme(if turkish { "tr" } else { "en" }, if utf8 { "C.UTF-8" } else { "C" });
        let mut prompt = prompt(&theme, &question);
        let mut keys: Vec<_> = text.chars().map(Key::Char).collect();
        keys.extend(std::iter::repeat_n(Key::Down, downs));
        for key in keys {
            prompt.handle_key(&key);
        }
        let size = size(columns, rows);
        let frame = prompt.render(&theme, size);
        for line in &frame.lines {
            prop_assert!(measure_text_width(line) <= columns, "{columns}: {line:?}");
            prop_assert!(utf8 || line.is_ascii(), "{line:?}");
        }
        if let Some((row, column)) = frame.cursor {
            prop_assert!(row < frame.lines.len() && column <= columns);
        }
        if matches!(question.kind, QuestionKind::Choice { .. }) {
            prop_assert!(frame.lines.len() <= rows.max(10), "{rows}: {:#?}", frame.lines);
        }
        for line in theme.answered_lines(&text, &prompt.answer_text(&theme), columns) {
            prop_assert!(measure_text_width(&line) <= columns);
        }
    }
}
