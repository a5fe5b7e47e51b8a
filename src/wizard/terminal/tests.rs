//! The prompts without a terminal: keys in, lines out.

use console::{measure_text_width as width, strip_ansi_codes};
use proptest::prelude::*;

use super::*;
use crate::host::Host;
use crate::i18n::{Lang, msg};
use crate::ports::Span;
use crate::ui::Wishes;
use crate::wizard::question::{Choice, PortChart};

fn skin(lang: &str, locale: &str) -> Skin {
    let host = Host::fixed(&["openclaw"], [("LC_ALL", locale)]);
    let lang = Lang::from_code(lang).unwrap();
    Skin::new(Ui::new(&host, Some(lang), Wishes::default()))
}

fn utf8() -> Skin {
    skin("tr", "tr_TR.UTF-8")
}

fn sized(columns: usize, rows: usize) -> Size {
    Size { columns, rows }
}

/// The lines without their colours.
fn lines(skin: &Skin, prompt: &dyn Prompt, size: Size) -> Vec<String> {
    let frame = prompt.render(skin, size);
    let plain = |line: &String| strip_ansi_codes(line).into_owned();
    frame.lines.iter().map(plain).collect()
}

fn span(first: u16) -> Span {
    Span {
        first,
        last: first + 110,
    }
}

/// The question for a port as it is beside one other instance.
fn port_question(choices: u16) -> Question {
    let option = |n: u16| Choice {
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

fn taken(next: Next) -> Reply {
    match next {
        Next::Take(reply) => reply,
        Next::Stay => panic!("no reply"),
    }
}

fn pressed(prompt: &mut dyn Prompt, keys: &[Key]) {
    for key in keys {
        assert!(matches!(prompt.on(key), Next::Stay), "{key:?}");
    }
}

fn typed(prompt: &mut dyn Prompt, text: &str) {
    for letter in text.chars() {
        assert!(matches!(prompt.on(&Key::Char(letter)), Next::Stay));
    }
}

#[test]
fn every_prompt_goes_back_at_escape_whatever_was_typed() {
    let skin = utf8();
    let questions = [
        port_question(3),
        Question::text(msg!("step.profile.ask"), Some("rescue".to_owned())),
        Question::secret(msg!("step.profile.ask"), true),
        Question::yes_no(msg!("step.profile.ask"), None),
    ];
    for question in &questions {
        let mut prompt = prompt(&skin, question);
        pressed(&mut *prompt, &[Key::Char('h'), Key::Right]);
        assert_eq!(taken(prompt.on(&Key::Escape)), Reply::Back);
    }
}

#[test]
fn a_choice_is_made_by_arrows_ends_and_digits() {
    let (skin, question) = (utf8(), port_question(12));
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
        let mut prompt = prompt(&skin, &question);
        pressed(&mut *prompt, keys);
        assert_eq!(
            taken(prompt.on(&Key::Enter)),
            Reply::Text(id.to_owned()),
            "{keys:?}"
        );
    }
}

#[test]
fn the_band_shows_what_a_near_port_shares() {
    let (skin, question) = (utf8(), port_question(3));
    let mut prompt = prompt(&skin, &question);
    let drawn = lines(&skin, &*prompt, sized(79, 24)).join("\n");
    assert!(drawn.contains("  default ███"), "{drawn}");
    assert!(drawn.contains('▒'), "what is shared stands out:\n{drawn}");
    pressed(&mut *prompt, &[Key::Down]);
    let drawn = lines(&skin, &*prompt, sized(79, 24)).join("\n");
    assert!(drawn.contains("rescue") && !drawn.contains('▒'), "{drawn}");
    let low = lines(&skin, &*prompt, sized(79, 10)).join("\n");
    assert!(!low.contains('█'), "no room for it:\n{low}");
}

#[test]
fn a_list_that_is_too_long_says_how_much_more_there_is() {
    let (skin, question) = (utf8(), port_question(30));
    let mut prompt = prompt(&skin, &question);
    for at in 1..=40 {
        let drawn = lines(&skin, &*prompt, sized(79, 12));
        assert!(drawn.len() <= 12, "{drawn:#?}");
        let marked: Vec<_> = drawn.iter().filter(|line| line.starts_with('❯')).collect();
        let expected = format!("seçenek-{}-", at % 30);
        assert!(marked.len() == 1 && marked[0].contains(&expected), "{drawn:#?}");
        assert!(
            drawn
                .iter()
                .any(|line| line.starts_with("  ↓ ") || line.starts_with("  ↑ "))
        );
        pressed(&mut *prompt, &[Key::Down]);
    }
}

#[test]
fn the_default_is_taken_from_an_empty_line_only() {
    let skin = utf8();
    let question = Question::text(msg!("step.profile.ask"), Some("rescue".to_owned()));
    let mut first = prompt(&skin, &question);
    let drawn = lines(&skin, &*first, sized(79, 24));
    assert_eq!(drawn[0], "? Profil adı (rescue) › ");
    assert_eq!(taken(first.on(&Key::Enter)), Reply::Text("rescue".to_owned()));
    assert_eq!(first.answer(&skin), "rescue");
    let mut second = prompt(&skin, &question);
    typed(&mut *second, "çığ漢x");
    pressed(&mut *second, &[Key::Backspace, Key::Backspace]);
    assert_eq!(
        lines(&skin, &*second, sized(79, 24))[0],
        "? Profil adı (rescue) › çığ"
    );
    assert_eq!(taken(second.on(&Key::Enter)), Reply::Text("çığ".to_owned()));
}

#[test]
fn the_cursor_stands_where_the_next_letter_comes() {
    let skin = utf8();
    let question = Question::text(msg!("step.profile.ask"), None);
    let mut prompt = prompt(&skin, &question);
    let start = width("? Profil adı › ");
    typed(&mut *prompt, "漢字a");
    pressed(&mut *prompt, &[Key::Left]);
    assert_eq!(prompt.render(&skin, sized(79, 24)).cursor, Some((0, start + 4)));
}

#[test]
fn a_long_line_shows_the_part_around_the_cursor() {
    let skin = utf8();
    let question = Question::text(msg!("step.profile.ask"), None);
    let mut prompt = prompt(&skin, &question);
    let text = format!("head{}tail", "漢".repeat(10_000));
    pressed(&mut *prompt, &[Key::Paste(text.clone())]);
    let drawn = lines(&skin, &*prompt, sized(39, 20));
    assert!(
        drawn[0].contains("› …") && drawn[0].ends_with("漢tail"),
        "{drawn:?}"
    );
    pressed(&mut *prompt, &[Key::Home]);
    let drawn = lines(&skin, &*prompt, sized(39, 20));
    assert!(drawn[0].contains("› head漢"), "{drawn:?}");
    assert_eq!(taken(prompt.on(&Key::Enter)), Reply::Text(text));
}

#[test]
fn a_secret_has_one_look_whatever_its_length() {
    let skin = utf8();
    let question = Question::secret(msg!("step.profile.ask"), false);
    let mut looks = Vec::new();
    for secret in ["k", "sk-canary-4711"] {
        let mut prompt = prompt(&skin, &question);
        typed(&mut *prompt, secret);
        looks.push((prompt.render(&skin, sized(79, 24)), prompt.answer(&skin)));
        assert_eq!(
            taken(prompt.on(&Key::Enter)),
            Reply::Secret(crate::secret::Secret::new(secret))
        );
    }
    assert_eq!(looks[0], looks[1]);
}

#[test]
fn an_empty_secret_is_an_answer_only_where_it_may_be_left_out() {
    let skin = utf8();
    let question = Question::secret(msg!("step.profile.ask"), false);
    let mut needed = prompt(&skin, &question);
    pressed(&mut *needed, &[Key::Enter]);
    let drawn = lines(&skin, &*needed, sized(79, 24)).join("\n");
    assert!(drawn.contains("✘ Bir değer girin."), "{drawn}");
    let question = Question::secret(msg!("step.profile.ask"), true);
    let mut optional = prompt(&skin, &question);
    assert_eq!(optional.answer(&skin), "-");
    assert_eq!(taken(optional.on(&Key::Enter)).into_secret().expose(), "");
}

#[test]
fn without_a_default_enter_says_which_letters_there_are() {
    let skin = utf8();
    let question = Question::yes_no(msg!("step.accept-risk.ask"), None);
    let mut prompt = prompt(&skin, &question);
    pressed(&mut *prompt, &[Key::Enter]);
    let drawn = lines(&skin, &*prompt, sized(79, 24)).join("\n");
    assert!(
        drawn.contains("Evet (e)") && drawn.contains("Hayır (h)"),
        "{drawn}"
    );
    assert!(drawn.contains("✘ e veya h yazın."), "{drawn}");
    assert!(!drawn.contains('❯'), "{drawn}");
    pressed(&mut *prompt, &[Key::Left]);
    let drawn = lines(&skin, &*prompt, sized(79, 24)).join("\n");
    assert!(drawn.contains("❯ Evet (e)") && !drawn.contains('✘'), "{drawn}");
    assert_eq!(taken(prompt.on(&Key::Enter)), Reply::Yes(true));
    assert_eq!(prompt.answer(&skin), "Evet");
}

#[test]
fn what_stays_is_the_question_and_its_answer() {
    let plain = |skin: &Skin, columns| {
        let kept = skin.answered("Çalışma alanı", "/home/ayşe/çok/uzun/bir/yol", columns);
        kept.iter()
            .map(|line| strip_ansi_codes(line).into_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        plain(&utf8(), 79),
        ["✔ Çalışma alanı · /home/ayşe/çok/uzun/bir/yol"]
    );
    assert_eq!(
        plain(&utf8(), 29),
        ["✔ Çalışma alanı ·", "  /home/ayşe/çok/uzun/bir/yol"]
    );
    let ascii = plain(&skin("tr", "C"), 20);
    assert_eq!(
        ascii,
        ["* Calisma alani -", "  /home/ayse/cok/uzu", "  n/bir/yol"]
    );
}

fn any_question() -> impl Strategy<Value = Question> {
    let text = || Just(msg!("step.accept-risk.ask"));
    prop_oneof![
        (1_u16..14).prop_map(port_question),
        (text(), "[a-zğüşıöç漢🦞/ ]{0,120}").prop_map(|(text, default)| Question::text(text, Some(default))),
        (text(), any::<bool>()).prop_map(|(text, optional)| Question::secret(text, optional)),
        (text(), any::<Option<bool>>()).prop_map(|(text, default)| Question::yes_no(text, default)),
    ]
}

proptest! {
    #[test]
    fn nothing_is_wider_or_higher_than_the_terminal(
        question in any_question(),
        text in "[a-zğüşıöç漢🦞 \u{301}]{0,90}",
        downs in 0_usize..15,
        columns in 19_usize..200,
        rows in 10_usize..50,
        turkish in any::<bool>(),
        utf8 in any::<bool>(),
    ) {
        let skin = skin(if turkish { "tr" } else { "en" }, if utf8 { "C.UTF-8" } else { "C" });
        let mut prompt = prompt(&skin, &question);
        let mut keys: Vec<_> = text.chars().map(Key::Char).collect();
        keys.extend(std::iter::repeat_n(Key::Down, downs));
        for key in keys {
            prompt.on(&key);
        }
        let size = sized(columns, rows);
        let frame = prompt.render(&skin, size);
        for line in &frame.lines {
            prop_assert!(width(line) <= columns, "{columns}: {line:?}");
            prop_assert!(utf8 || line.is_ascii(), "{line:?}");
        }
        if let Some((row, column)) = frame.cursor {
            prop_assert!(row < frame.lines.len() && column <= columns);
        }
        if matches!(question.kind, QuestionKind::Choice { .. }) {
            prop_assert!(frame.lines.len() <= rows.max(10), "{rows}: {:#?}", frame.lines);
        }
        for line in skin.answered(&text, &prompt.answer(&skin), columns) {
            prop_assert!(width(&line) <= columns);
        }
    }
}
