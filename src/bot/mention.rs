//! Mentions: whether a text in a group is meant for the bot, and the text without the bot's name.

/// Returns the text without the mention of the bot (`@name`); `None` where it does not mention the bot. The name is told
/// from longer ones: `@rescue_bot2` is another bot.
pub(super) fn without_mention(text: &str, bot_name: &str) -> Option<String> {
    if bot_name.is_empty() {
        return None;
    }
    let is_name_char = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = text.match_indices('@').map(|(at, _)| at);
    let found = starts.into_iter().find_map(|at| {
        let name = text[at + 1..].get(..bot_name.len())?;
        let rest = &text[at + 1 + bot_name.len()..];
        let ends = !rest.starts_with(is_name_char);
        (name.eq_ignore_ascii_case(bot_name) && ends).then_some((&text[..at], rest))
    });
    let (before, after) = found?;
    Some(
        format!("{} {}", before.trim_end(), after.trim_start())
            .trim()
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mention_of_the_bot_is_found_and_left_out() {
        for (text, rest) in [
            ("@Rescue_Bot why is main down?", "why is main down?"),
            ("neden çalışmıyor, @rescue_bot?", "neden çalışmıyor, ?"),
            ("@other @rescue_bot hello", "@other hello"),
            ("@rescue_bot", ""),
        ] {
            assert_eq!(
                without_mention(text, "rescue_bot").as_deref(),
                Some(rest),
                "{text}"
            );
        }
    }

    #[test]
    fn text_without_the_bots_whole_name_mentions_it_not() {
        for text in [
            "hello",
            "rescue_bot hello",
            "@rescue_bot2 hello",
            "@",
            "@é",
            "@rescue_bo",
        ] {
            assert_eq!(without_mention(text, "rescue_bot"), None, "{text}");
        }
        assert_eq!(without_mention("@ hello", ""), None);
    }
}
