//! The HTML style of messages, as strict as the Bot API: unknown tags, open tags and crossed tags are errors, unknown
//! entities are text.

use serde_json::{Value, json};

/// Tags and the kinds of entities that they make; `None` where it depends on attributes.
const TAGS: [(&str, Option<&str>); 16] = [
    ("a", None),
    ("b", Some("bold")),
    ("strong", Some("bold")),
    ("i", Some("italic")),
    ("em", Some("italic")),
    ("u", Some("underline")),
    ("ins", Some("underline")),
    ("s", Some("strikethrough")),
    ("strike", Some("strikethrough")),
    ("del", Some("strikethrough")),
    ("tg-spoiler", Some("spoiler")),
    ("span", Some("spoiler")),
    ("code", Some("code")),
    ("pre", Some("pre")),
    ("blockquote", None),
    ("tg-emoji", Some("custom_emoji")),
];
/// Named entities of HTML that the Bot API knows.
const NAMED_ENTITIES: [(&str, char); 4] = [("lt", '<'), ("gt", '>'), ("amp", '&'), ("quot", '"')];

/// A text without markup, and the entities that the markup made of it.
#[derive(Debug, Default, PartialEq)]
pub struct Formatted {
    pub text: String,
    /// Objects `MessageEntity` of the API. Offsets and lengths are in UTF-16 code units.
    pub entities: Vec<Value>,
}

/// A tag that has been opened.
struct OpenTag {
    name: &'static str,
    attributes: Vec<(String, String)>,
    /// Where its entity starts, in UTF-16 code units.
    offset: usize,
    /// Where its text starts, in bytes.
    start: usize,
}

/// A reader of markup.
struct Parser<'a> {
    source: &'a str,
    /// Where the reader is, in bytes of the source.
    at: usize,
    formatted: Formatted,
    /// Length of the text so far, in UTF-16 code units.
    length: usize,
    open: Vec<OpenTag>,
}

/// Reads HTML. The error is the documented one without its beginning `can't parse entities: `.
pub fn parse_html(source: &str) -> Result<Formatted, String> {
    let mut parser = Parser {
        source,
        at: 0,
        formatted: Formatted::default(),
        length: 0,
        open: Vec::new(),
    };
    while let Some(c) = parser.rest().chars().next() {
        if c == '<' && parser.rest().starts_with("</") {
            parser.read_end_tag()?;
        } else if c == '<' {
            parser.read_start_tag()?;
        } else {
            let (c, length) = entity(parser.rest()).unwrap_or((c, c.len_utf8()));
            parser.formatted.text.push(c);
            parser.length += c.len_utf16();
            parser.at += length;
        }
    }
    match parser.open.last() {
        Some(tag) => Err(format!(
            "Can't find end tag corresponding to start tag \"{}\"",
            tag.name
        )),
        None => Ok(parser.formatted),
    }
}

/// Returns the character of an entity at the start of a text and the entity's length, or `None` where there is none.
fn entity(text: &str) -> Option<(char, usize)> {
    let body = text.strip_prefix('&')?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '#';
    let name = &body[..body.find(|c| !is_part(c)).unwrap_or(body.len())];
    let character = match name.strip_prefix('#') {
        Some(digits) => {
            let code = match digits.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => digits.parse(),
            };
            char::from_u32(code.ok()?).filter(|c| *c != '\0')?
        }
        None => NAMED_ENTITIES.iter().find(|(known, _)| *known == name)?.1,
    };
    let semicolon = usize::from(body[name.len()..].starts_with(';'));
    Some((character, 1 + name.len() + semicolon))
}

impl<'a> Parser<'a> {
    /// Returns what has not been read.
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    /// Reads up to the first character that `is_end` accepts.
    fn read_until(&mut self, is_end: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(is_end).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Reads a start tag with its attributes.
    fn read_start_tag(&mut self) -> Result<(), String> {
        let begin = self.at;
        self.at += 1;
        let name = self
            .read_until(|c| c.is_ascii_whitespace() || c == '>')
            .to_lowercase();
        if self.rest().is_empty() {
            return Err(format!("Unclosed start tag at byte offset {begin}"));
        }
        let tag = TAGS.iter().find(|(known, _)| *known == name);
        let tag = tag.ok_or_else(|| format!("Unsupported start tag \"{name}\" at byte offset {begin}"))?;
        let mut attributes = Vec::new();
        loop {
            self.read_until(|c| !c.is_ascii_whitespace());
            if self.rest().starts_with('>') {
                self.at += 1;
                break;
            }
            attributes.push(self.read_attribute(&name, begin)?);
        }
        let is_spoiler = |(name, value): &(String, String)| name == "class" && value == "tg-spoiler";
        if name == "span" && !attributes.iter().any(is_spoiler) {
            return Err(format!(
                "Tag \"span\" must have class \"tg-spoiler\" at byte offset {begin}"
            ));
        }
        self.open.push(OpenTag {
            name: tag.0,
            attributes,
            offset: self.length,
            start: self.formatted.text.len(),
        });
        Ok(())
    }

    /// Reads an attribute of a start tag that began at `begin`.
    fn read_attribute(&mut self, tag: &str, begin: usize) -> Result<(String, String), String> {
        let unclosed = || format!("Unclosed start tag \"{tag}\" at byte offset {begin}");
        let name = self.read_until(|c| c.is_ascii_whitespace() || "=>/\"'".contains(c));
        if name.is_empty() {
            return Err(format!(
                "Empty attribute name in the tag \"{tag}\" at byte offset {begin}"
            ));
        }
        self.read_until(|c| !c.is_ascii_whitespace());
        if self.rest().is_empty() {
            return Err(unclosed());
        }
        if !self.rest().starts_with('=') {
            return Ok((name.to_owned(), String::new()));
        }
        self.at += 1;
        self.read_until(|c| !c.is_ascii_whitespace());
        let value = match self.rest().chars().next() {
            None => return Err(unclosed()),
            Some(quote @ ('"' | '\'')) => {
                self.at += 1;
                let value = self.read_until(|c| c == quote);
                if self.rest().is_empty() {
                    return Err(format!("Unclosed start tag at byte offset {begin}"));
                }
                self.at += 1;
                decode(value)
            }
            Some(_) => {
                let start = self.at;
                let value = self.read_until(|c| !(c.is_ascii_alphanumeric() || ".-".contains(c)));
                let is_ended = |c: char| c.is_ascii_whitespace() || c == '>';
                if !self.rest().starts_with(is_ended) {
                    return Err(format!("Unexpected end of name token at byte offset {start}"));
                }
                value.to_lowercase()
            }
        };
        Ok((name.to_owned(), value))
    }

    /// Reads an end tag, which has to be the one of the tag that was opened last.
    fn read_end_tag(&mut self) -> Result<(), String> {
        let begin = self.at;
        let Some(tag) = self.open.pop() else {
            return Err(format!("Unexpected end tag at byte offset {begin}"));
        };
        self.at += 2;
        let name = self
            .read_until(|c| c.is_ascii_whitespace() || c == '>')
            .to_lowercase();
        self.read_until(|c| !c.is_ascii_whitespace());
        if !self.rest().starts_with('>') {
            return Err(format!("Unclosed end tag at byte offset {begin}"));
        }
        self.at += 1;
        if !name.is_empty() && name != tag.name {
            return Err(format!(
                "Unmatched end tag at byte offset {begin}, expected \"</{}>\", found \"</{name}>\"",
                tag.name
            ));
        }
        if self.length > tag.offset {
            self.enter_entity(&tag);
        }
        Ok(())
    }

    /// Enters the entity of a tag that was closed.
    fn enter_entity(&mut self, tag: &OpenTag) {
        let attribute = |wanted: &str| {
            let found = tag.attributes.iter().find(|(name, _)| name == wanted)?;
            Some(found.1.clone())
        };
        let length = self.length - tag.offset;
        let mut entity = json!({"type": "", "offset": tag.offset, "length": length});
        let kind = TAGS
            .iter()
            .find(|(name, _)| *name == tag.name)
            .expect("a known tag")
            .1;
        match tag.name {
            "a" => {
                let inside = self.formatted.text[tag.start..].to_owned();
                entity["type"] = json!("text_link");
                entity["url"] = json!(attribute("href").unwrap_or(inside));
            }
            "blockquote" if attribute("expandable").is_some() => {
                entity["type"] = json!("expandable_blockquote");
            }
            "blockquote" => entity["type"] = json!("blockquote"),
            "pre" => {
                entity["type"] = json!("pre");
                // `<pre><code class="language-x">` is one block with a language.
                let is_inside = |code: &mut Value| {
                    code["type"] == "code" && code["offset"] == tag.offset && code["length"] == length
                };
                if let Some(code) = self.formatted.entities.pop_if(is_inside)
                    && let Some(language) = code.get("language")
                {
                    entity["language"] = language.clone();
                }
            }
            "code" => {
                entity["type"] = json!("code");
                if let Some(language) = attribute("class")
                    .as_deref()
                    .and_then(|c| c.strip_prefix("language-"))
                {
                    entity["language"] = json!(language);
                }
            }
            _ => entity["type"] = json!(kind),
        }
        self.formatted.entities.push(entity);
    }
}

/// Replaces the entities in the value of an attribute.
fn decode(value: &str) -> String {
    let mut decoded = String::new();
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        let (c, length) = entity(rest).unwrap_or((c, c.len_utf8()));
        decoded.push(c);
        rest = &rest[length..];
    }
    decoded
}
