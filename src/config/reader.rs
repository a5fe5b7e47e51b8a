//! Parses the text of a config: JSON5 as OpenClaw reads it.
//!
//! jsonc-parser does the parsing. It is more lenient than JSON5 in places and stricter in none that matters, so its
//! tokens are checked first: what Node's reader would refuse is refused here too, and nesting is bounded before anything
//! recursive runs. `Infinity` and `NaN` are refused on purpose: JSON can't hold them, and no key of a config needs them.
//! Of a key that is twice in one object the last one counts, as in Node.

use jsonc_parser::ast::{self, ObjectPropName};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::tokens::Token;
use jsonc_parser::{CollectOptions, ParseOptions, Scanner, ScannerOptions, parse_to_ast};
use serde_json::{Map, Number, Value};

use super::error::ConfigError;
use crate::i18n::{Msg, msg};

/// Maximum number of arrays and objects that nest in a config. OpenClaw's own schema nests below 20.
pub(super) const MAX_DEPTH: usize = 256;

/// The byte order mark at the start of a config, which is kept in the text and is not parsed.
pub(super) const BOM: &str = "\u{feff}";

/// Returns the options of jsonc-parser with which a config is parsed: everything of JSON5 is accepted, missing commas
/// are not.
pub(super) fn parse_options() -> ParseOptions {
    ParseOptions {
        allow_missing_commas: false,
        ..ParseOptions::default()
    }
}

/// Parses the text of a config, which must be an object.
pub(super) fn parse_config(text: &str) -> Result<Value, ConfigError> {
    let start = if text.starts_with(BOM) { BOM.len() } else { 0 };
    let reader = Reader { text, start };
    if let Some(config @ Value::Object(_)) = reader.read_plain() {
        return Ok(config);
    }
    let (value, at) = reader.read()?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(reader.error(at, msg!("config.fault-root")))
    }
}

/// Parses any JSON5 value, as typed on a command line.
///
/// # Errors
/// The position at which the text is invalid, and the reason.
pub fn parse_value(text: &str) -> Result<Value, ConfigError> {
    Ok(Reader { text, start: 0 }.read()?.0)
}

/// The parser of one JSON5 text.
struct Reader<'a> {
    text: &'a str,
    /// The byte at which the document starts; offsets below count from there.
    start: usize,
}

impl Reader<'_> {
    fn body(&self) -> &str {
        &self.text[self.start..]
    }

    fn error(&self, byte: usize, why: Msg) -> ConfigError {
        ConfigError::at_byte(self.text, self.start + byte, why)
    }

    /// Parses a text that is plain JSON, as programs write it, in one pass. `None` for other texts, and for those with a
    /// fraction, which `serde_json` rounds in its own way.
    fn read_plain(&self) -> Option<Value> {
        let value = serde_json::from_str(self.body()).ok()?;
        (!has_fraction(&value)).then_some(value)
    }

    /// Parses the text of a config or a value as JSON5. Returns its value, and the byte at which the value starts.
    fn read(&self) -> Result<(Value, usize), ConfigError> {
        self.check_tokens()?;
        let ast = parse_to_ast(self.body(), &CollectOptions::default(), &parse_options())
            .map_err(|e| self.parse_error(&e))?;
        let root = ast
            .value
            .ok_or_else(|| ConfigError::of_file(msg!("config.fault-empty")))?;
        let start = root.range().start;
        Ok((self.convert(root)?, start))
    }

    /// Refuses invalid tokens of a JSON5 text that the parser would accept, and nesting beyond [`MAX_DEPTH`]. Does
    /// not recurse.
    fn check_tokens(&self) -> Result<(), ConfigError> {
        let body = self.body();
        let mut scanner = Scanner::new(body, &ScannerOptions::default());
        let mut depth = 0_usize;
        while let Some(token) = scanner.scan().map_err(|e| self.parse_error(&e))? {
            let start = scanner.token_start();
            match token {
                Token::OpenBrace | Token::OpenBracket => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err(self.error(start, msg!("config.fault-depth", limit = MAX_DEPTH)));
                    }
                }
                Token::CloseBrace | Token::CloseBracket => depth = depth.saturating_sub(1),
                Token::String(_) if has_bare_line_break(&body[start..scanner.token_end()]) => {
                    return Err(self.error(start, msg!("config.fault-string")));
                }
                Token::Number(text) if parse_number(text).is_none() => {
                    return Err(self.error(start, msg!("config.fault-number")));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Converts a node of a parsed JSON5 text to a value. [`Self::check_tokens`] has bounded the depth of the
    /// recursion.
    fn convert(&self, node: ast::Value<'_>) -> Result<Value, ConfigError> {
        Ok(match node {
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::BooleanLit(node) => Value::Bool(node.value),
            ast::Value::StringLit(node) => Value::String(node.value.into_owned()),
            ast::Value::NumberLit(node) => {
                let refused = || self.error(node.range.start, msg!("config.fault-number"));
                Value::Number(parse_number(node.value).ok_or_else(refused)?)
            }
            ast::Value::Array(node) => Value::Array(
                node.elements
                    .into_iter()
                    .map(|v| self.convert(v))
                    .collect::<Result<_, _>>()?,
            ),
            ast::Value::Object(node) => {
                let mut map = Map::with_capacity(node.properties.len());
                for property in node.properties {
                    let name = match property.name {
                        ObjectPropName::String(name) => name.value.into_owned(),
                        ObjectPropName::Word(name) if is_identifier(name.value) => name.value.to_owned(),
                        ObjectPropName::Word(name) => {
                            return Err(
                                self.error(name.range.start, msg!("config.fault-key", key = name.value))
                            );
                        }
                    };
                    map.insert(name, self.convert(property.value)?);
                }
                Value::Object(map)
            }
        })
    }

    fn parse_error(&self, error: &ParseError) -> ConfigError {
        use ParseErrorKind as Kind;
        let start = error.range().start;
        let found = self.body().get(start..).and_then(|rest| rest.chars().next());
        let opened = || found.map(|c| c.escape_debug().to_string()).unwrap_or_default();
        let why = match error.kind() {
            Kind::UnterminatedArray | Kind::UnterminatedObject => {
                msg!("config.fault-unclosed", found = opened())
            }
            Kind::UnterminatedCommentBlock => msg!("config.fault-comment"),
            Kind::String(jsonc_parser::ParseStringErrorKind::UnterminatedStringLiteral) => {
                msg!("config.fault-string")
            }
            Kind::String(_) => msg!("config.fault-escape"),
            Kind::ExpectedComma => msg!("config.fault-comma"),
            Kind::ExpectedColonAfterObjectKey => msg!("config.fault-colon"),
            Kind::ExpectedObjectValue => msg!("config.fault-value"),
            Kind::MultipleRootJsonValues => msg!("config.fault-rest"),
            Kind::NestingDepthExceeded => msg!("config.fault-depth", limit = MAX_DEPTH),
            Kind::ExpectedDigit
            | Kind::ExpectedDigitFollowingNegativeSign
            | Kind::ExpectedPlusMinusOrDigitInNumberLiteral => msg!("config.fault-digit"),
            _ if start >= self.body().len() => msg!("config.fault-end"),
            // A word is not repeated: it may be a token whose quotes were forgotten.
            _ if found.is_some_and(char::is_alphanumeric) => msg!("config.fault-bare"),
            _ => msg!("config.fault-unexpected", found = opened()),
        };
        self.error(start, why)
    }
}

/// Returns whether a value is or holds a number that is no integer of 64 bits.
fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(elements) => elements.iter().any(has_fraction),
        Value::Object(map) => map.values().any(has_fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// Returns whether a string in a JSON5 text goes on in the next line without a backslash, which JSON5 wants there.
fn has_bare_line_break(token: &str) -> bool {
    let bytes = token.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if bytes[at + 1..].starts_with(b"\r\n") => at += 3,
            b'\\' => at += 2,
            b'\n' | b'\r' => return true,
            _ => at += 1,
        }
    }
    false
}

/// Returns whether a key of a JSON5 object needs no quotes: an identifier of ECMAScript. (`foo-bar` and `1` need
/// them.)
fn is_identifier(word: &str) -> bool {
    let mut chars = word.chars();
    chars
        .next()
        .is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '$'))
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
}

/// Parses a number of JSON5. `None` for `Infinity`, `NaN` and numbers that are too large for a double.
fn parse_number(text: &str) -> Option<Number> {
    let digits = text.trim_start_matches(['+', '-']);
    let negative = text.starts_with('-');
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        let value = u64::from_str_radix(hex, 16).ok()?;
        return if negative {
            0_i64.checked_sub_unsigned(value).map(Number::from)
        } else {
            Some(value.into())
        };
    }
    if !digits.contains(['.', 'e', 'E']) {
        let whole = if negative {
            digits.parse().ok().map(|v: i64| (-v).into())
        } else {
            digits.parse::<u64>().ok().map(Number::from)
        };
        // Minus zero is a number of its own.
        if let Some(whole) = whole
            && !(negative && whole.as_i64() == Some(0))
        {
            return Some(whole);
        }
    }
    // Rust parses `.5`, `5.` and `1e3` as JSON5 does, and also the names of infinity; from_f64 refuses those.
    let value: f64 = digits.parse().ok()?;
    Number::from_f64(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns JSON values of all kinds, with numbers at the limits of what integers hold.
    fn values() -> impl Strategy<Value = Value> {
        let whole = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from)
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            whole,
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::vec((".*", inner), 0..5)
                    .prop_map(|entries| entries.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn plain_json_has_the_same_value_in_one_pass(value in values(), pretty in any::<bool>()) {
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            let reader = Reader { text: &text, start: 0 };
            if let Some(plain) = reader.read_plain() {
                prop_assert_eq!(plain, reader.read().unwrap().0);
            }
        }
    }

    #[test]
    fn what_json_readers_read_in_different_ways_is_read_as_node_does() {
        let texts = [
            r#"{"a": 1, "b": 2, "a": 3}"#,
            r#"{"a": -0, "b": 0.1, "c": 1e3, "d": 18446744073709551616, "e": -9223372036854775809}"#,
            r#"{"a": "\u00e9\ud83d\ude00\/", "": {"\u0000": []}}"#,
            "\u{feff}{\"a\": 123456789012345680000.5}",
            "{\"a\":\t[1 , 2\r\n]}\n",
        ];
        for text in texts {
            let start = if text.starts_with(BOM) { BOM.len() } else { 0 };
            let slow = Reader { text, start }.read().unwrap().0;
            let fast = parse_config(text).unwrap();
            assert_eq!(fast.to_string(), slow.to_string(), "{text}");
        }
        for refused in ["{\"a\": 1e999}", "{\"a\": \"\n\"}", "[]", "{} {}"] {
            assert!(parse_config(refused).is_err(), "{refused}");
        }
    }
}
