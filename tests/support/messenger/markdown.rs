//! What people read of a text in the Markdown dialects of Discord and Slack: enough of them to see whether a bot escapes.

/// A dialect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Backslashes escape; `**` is bold and `__` underlined.
    Discord,
    /// `&amp;`, `&lt;` and `&gt;` escape; `*` is bold.
    Slack,
}

impl Dialect {
    /// Marks that come in pairs around a part of a line, the longer ones first.
    fn marks(self) -> &'static [&'static str] {
        match self {
            Self::Discord => &["**", "__", "~~", "||", "*", "_"],
            Self::Slack => &["*", "_", "~"],
        }
    }
}

/// Returns the text as people read it.
pub fn render(text: &str, dialect: Dialect) -> String {
    let mut rendered = String::new();
    for (index, part) in text.split("```").enumerate() {
        // Without its end a block is no block.
        let is_block = index % 2 == 1 && text.matches("```").count() > index;
        if is_block {
            let (language, body) = part.split_once('\n').unwrap_or(("", part));
            let has_language = dialect == Dialect::Discord && !language.contains(' ');
            let code = if has_language { body } else { part };
            rendered.push_str(&unescape_entities(code.trim_matches('\n'), dialect));
        } else {
            let lines: Vec<_> = part.split('\n').map(|line| render_line(line, dialect)).collect();
            rendered.push_str(&lines.join("\n"));
        }
    }
    rendered
}

/// Returns a line outside of blocks as people read it.
fn render_line(line: &str, dialect: Dialect) -> String {
    let line = line.strip_prefix("> ").unwrap_or(line);
    let line = match line.trim_start_matches('#').strip_prefix(' ') {
        Some(heading) if dialect == Dialect::Discord && line.starts_with('#') => heading,
        _ => line,
    };
    unescape_entities(&render_inline(line, dialect), dialect)
}

/// Removes inline marks that come in pairs, and escapes.
fn render_inline(text: &str, dialect: Dialect) -> String {
    let mut rendered = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(escaped) = rest.strip_prefix('\\').and_then(|rest| rest.chars().next())
            && dialect == Dialect::Discord
            && escaped.is_ascii_punctuation()
        {
            rendered.push(escaped);
            rest = &rest[2..];
            continue;
        }
        if let Some((code, after)) = rest.strip_prefix('`').and_then(|rest| rest.split_once('`')) {
            rendered.push_str(code);
            rest = after;
            continue;
        }
        let mut marks = dialect.marks().iter();
        let paired = marks.find_map(|mark| rest.strip_prefix(mark)?.split_once(mark));
        // Marks inside of a word are letters: names of variables stay.
        let is_in_word = rendered.ends_with(|c: char| c.is_alphanumeric() || c == '\\');
        match paired {
            Some((inside, after)) if !inside.is_empty() && !inside.ends_with('\\') && !is_in_word => {
                rendered.push_str(&render_inline(inside, dialect));
                rest = after;
            }
            _ => {
                rendered.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    rendered
}

/// Replaces the three entities of Slack.
fn unescape_entities(text: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Discord => text.to_owned(),
        Dialect::Slack => text
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    }
}
