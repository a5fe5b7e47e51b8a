//! Tests of the markup of messages and their parts.

use super::*;
use crate::i18n::msg;

fn format(markup: Markup, max_length: usize) -> MessageFormat {
    MessageFormat { markup, max_length }
}

#[test]
fn long_paragraph_comes_in_whole_parts_and_loses_only_its_end() {
    let format = MessageFormat {
        markup: Markup::Html,
        max_length: 100,
    };
    let render = |text: String| {
        let message = Message::default().line(Line::Paragraph(text));
        format.render(&message, Lang::english(), &str::to_owned)
    };
    let parts = render("a<b ".repeat(40));
    assert_eq!(parts.concat(), "a&lt;b ".repeat(40));
    assert!(
        parts.len() == 3 && parts.iter().all(|part| length(part) <= 100),
        "{parts:?}"
    );
    assert_eq!(render("<".repeat(60)).concat(), "&lt;".repeat(60));
    let cut = render("word ".repeat(200));
    assert!(cut.len() == 4 && cut[0].starts_with("word word"), "{cut:?}");
    assert!(cut[3].starts_with("Lines that"), "{cut:?}");
}

#[test]
fn text_of_others_is_never_markup() {
    let odd = "<b>*a* `x` ``` &amp; _b_ [c](d) @everyone";
    let message = Message::text(msg!("bot.said", text = odd)).line(Line::Quote(odd.to_owned()));
    let html = format(Markup::Html, 4096)
        .render(&message, Lang::english(), &str::to_owned)
        .remove(0);
    assert!(html.contains("&lt;b&gt;*a* `x` ``` &amp;amp; _b_"), "{html}");
    assert_eq!(html.matches('<').count(), 2, "only the block's own tags: {html}");
    let web = format(Markup::WebHtml, 4096)
        .render(&message, Lang::english(), &str::to_owned)
        .remove(0);
    assert_eq!(web, html.replacen('\n', "<br>", 1));
    assert_eq!(strip_html(&web), format!("{odd}\n{odd}"));
    assert_eq!(Markup::WebHtml.escape("a\n<br>"), "a<br>&lt;br&gt;");
    let markdown = format(Markup::Markdown, 4096)
        .render(&message, Lang::english(), &str::to_owned)
        .remove(0);
    let (sentence, quote) = markdown.split_once('\n').unwrap();
    assert_eq!(
        sentence,
        r"\<b\>\*a\* \`x\` \`\`\` &amp; \_b\_ \[c\](d) \@everyone"
    );
    let block = odd.replace("```", "`\u{200b}``");
    assert_eq!(quote, format!("```\n{block}\n```"));
    let mrkdwn = format(Markup::Mrkdwn, 3000)
        .render(&message, Lang::english(), &str::to_owned)
        .remove(0);
    let start = "&lt;b&gt;\u{200b}*\u{200b}a* \u{200b}`\u{200b}x` ";
    assert!(mrkdwn.starts_with(start), "{mrkdwn}");
    assert_eq!(mrkdwn.matches("```").count(), 2, "{mrkdwn}");
}

#[test]
fn markdown_of_lines_and_links_is_escaped() {
    for (text, expected) in [
        ("# a", r"\# a"),
        ("- a-b\n  - c", "\\- a-b\n  \\- c"),
        ("https://a/b_c", r"https\://a/b\_c"),
        ("10:20", "10:20"),
    ] {
        assert_eq!(escape_markdown(text), expected);
    }
    assert_eq!(escape_mrkdwn("/a_b/snake_case"), "/a_b/snake_case");
}

#[test]
fn long_messages_are_split_between_lines_and_never_within_markup() {
    let log: Vec<_> = (0..500)
        .map(|number| format!("line {number} <&> of a log"))
        .collect();
    let message = Message::text(msg!("bot.help")).line(Line::Quote(log.join("\n")));
    for (markup, limit) in [
        (Markup::Html, 4096),
        (Markup::WebHtml, 4096),
        (Markup::Markdown, 2000),
        (Markup::Mrkdwn, 3000),
        (Markup::Plain, 500),
    ] {
        let parts = format(markup, limit).render(&message, Lang::english(), &str::to_owned);
        assert!(parts.len() > 1);
        for part in &parts {
            assert!(length(part) <= limit, "{markup:?}: {}", length(part));
            assert_eq!(
                part.matches("<pre>").count(),
                part.matches("</pre>").count(),
                "{part}"
            );
            assert_eq!(part.matches("```").count() % 2, 0, "{part}");
        }
    }
}

#[test]
fn message_that_is_too_long_keeps_the_newest_lines_of_a_log_and_says_how_many_are_left_out() {
    let log: Vec<_> = (0..500).map(|number| format!("<{number}> of a log")).collect();
    let message = Message::heading(msg!("bot.help")).line(Line::Quote(log.join("\n")));
    let format = format(Markup::Html, 1000);
    let parts = format.render(&message, Lang::english(), &str::to_owned);
    assert_eq!(parts.len(), MAX_PARTS);
    assert!(parts[3].ends_with("&lt;499&gt; of a log</pre>"), "{}", parts[3]);
    let shown: Vec<_> = parts.join("\n").lines().map(str::to_owned).collect();
    assert!(shown[0].starts_with("<b>"), "{shown:#?}");
    let kept = shown.iter().filter(|line| line.contains("of a log")).count();
    assert_eq!(
        shown[1],
        format!("Earlier lines that are left out: {}", 500 - kept)
    );
    assert!(
        shown[2].contains(&format!("&lt;{}&gt;", 500 - kept)),
        "{shown:#?}"
    );
    // One line more would not fit.
    let longer = Message::heading(msg!("bot.help"))
        .line(Line::Text(msg!("bot.left-out-before", count = 0)))
        .line(Line::Quote(log[499 - kept..].join("\n")));
    let longer = format.render(&longer, Lang::english(), &str::to_owned);
    assert_eq!(longer[0].matches("left out").count(), 2, "{}", longer[0]);
}

#[test]
fn message_of_too_many_sentences_says_how_many_are_left_out() {
    let items = (0..300).map(|number| Line::Item(msg!("bot.said", text = format!("item {number}"))));
    let message = Message::heading(msg!("bot.help")).lines(items);
    let parts = format(Markup::Plain, 500).render(&message, Lang::english(), &str::to_owned);
    assert_eq!(parts.len(), MAX_PARTS);
    let kept = parts.join("\n").matches("• item").count();
    let last = format!("• item {}\nLines that are left out: {}", kept - 1, 300 - kept);
    assert!(parts[3].ends_with(&last), "{}", parts[3]);
}

#[test]
fn secrets_are_left_out_before_anything_is_escaped_or_cut() {
    let redact = |text: &str| text.replace("se<cr>et", "HIDDEN");
    let message =
        Message::text(msg!("bot.said", text = "a se<cr>et b")).line(Line::Quote("se<cr>et".to_owned()));
    let parts = format(Markup::Html, 4096).render(&message, Lang::english(), &redact);
    assert_eq!(parts, ["a HIDDEN b\n<pre>HIDDEN</pre>"]);
}

#[test]
fn endless_line_is_cut_between_characters() {
    let message = Message::default().line(Line::Quote("😀&".repeat(10_000)));
    let parts = format(Markup::Html, 4096).render(&message, Lang::english(), &str::to_owned);
    assert!(
        length(&parts[0]) <= 4096 && parts[0].ends_with("…</pre>"),
        "{}",
        parts[0].len()
    );
}
