//! Text to value: JSON5 as OpenClaw reads it, and where it breaks.
//!
//! jsonc-parser does the parsing. It is more lenient than JSON5 in places and stricter in none that
//! matters, so its tokens are looked at first: what Node's reader would refuse is refused here too, and
//! nesting is bounded before anything recursive runs. Two departures, on purpose: `Infinity` and `NaN`
//! are refused, since no JSON can hold them and no key of a config wants them; a key that stands twice in
//! one object counts as Node counts it, the last one wins.

use jsonc_parser::ast::{self, ObjectPropName};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::tokens::Token;
use jsonc_parser::{CollectOptions, ParseOptions, Scanner, ScannerOptions, parse_to_ast};
use serde_json::{Map, Number, Value};

use super::fault::ConfigError;
use crate::i18n::{Msg, msg};

/// How deep arrays and objects may nest. OpenClaw's own schema nests below 20.
pub(super) const MAX_DEPTH: usize = 256;

/// The byte order mark: kept in the text, not part of the document.
pub(super) const BOM: &str = "\u{feff}";

/// What jsonc-parser is to accept. Everything of JSON5, no missing commas.
pub(super) fn options() -> ParseOptions {
    ParseOptions {
        allow_missing_commas: false,
        ..ParseOptions::default()
    }
}

/// The value of a config's text: an object.
pub(super) fn config(text: &str) -> Result<Value, ConfigError> {
    let mark = if text.starts_with(BOM) { BOM.len() } else { 0 };
    let reader = Reader { text, mark };
    let (value, start) = reader.read()?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(reader.fault(start, msg!("config.fault-root")))
    }
}

/// Any JSON5 value, as typed on a command line.
pub fn value(text: &str) -> Result<Value, ConfigError> {
    Ok(Reader { text, mark: 0 }.read()?.0)
}

struct Reader<'a> {
    text: &'a str,
    /// Where the document starts, in bytes; offsets below count from there.
    mark: usize,
}

impl Reader<'_> {
    fn body(&self) -> &str {
        &self.text[self.mark..]
    }

    fn fault(&self, byte: usize, why: Msg) -> ConfigError {
        ConfigError::at(self.text, self.mark + byte, why)
    }

    fn read(&self) -> Result<(Value, usize), ConfigError> {
        self.check_tokens()?;
        let ast = parse_to_ast(self.body(), &CollectOptions::default(), &options())
            .map_err(|e| self.parse_fault(&e))?;
        let root = ast
            .value
            .ok_or_else(|| ConfigError::whole(msg!("config.fault-empty")))?;
        let start = root.range().start;
        Ok((self.convert(root)?, start))
    }

    /// Walks over the tokens, without recursion, and refuses what the parser would let pass.
    fn check_tokens(&self) -> Result<(), ConfigError> {
        let body = self.body();
        let mut scanner = Scanner::new(body, &ScannerOptions::default());
        let mut depth = 0_usize;
        while let Some(token) = scanner.scan().map_err(|e| self.parse_fault(&e))? {
            let start = scanner.token_start();
            match token {
                Token::OpenBrace | Token::OpenBracket => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err(self.fault(start, msg!("config.fault-depth", limit = MAX_DEPTH)));
                    }
                }
                Token::CloseBrace | Token::CloseBracket => depth = depth.saturating_sub(1),
                Token::String(_) if has_bare_line_break(&body[start..scanner.token_end()]) => {
                    return Err(self.fault(start, msg!("config.fault-string")));
                }
                Token::Number(text) if number(text).is_none() => {
                    return Err(self.fault(start, msg!("config.fault-number")));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The depth is bounded by [`Self::check_tokens`].
    fn convert(&self, node: ast::Value<'_>) -> Result<Value, ConfigError> {
        Ok(match node {
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::BooleanLit(node) => Value::Bool(node.value),
            ast::Value::StringLit(node) => Value::String(node.value.into_owned()),
            ast::Value::NumberLit(node) => {
                let refused = || self.fault(node.range.start, msg!("config.fault-number"));
                Value::Number(number(node.value).ok_or_else(refused)?)
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
                                self.fault(name.range.start, msg!("config.fault-key", key = name.value))
                            );
                        }
                    };
                    map.insert(name, self.convert(property.value)?);
                }
                Value::Object(map)
            }
        })
    }

    fn parse_fault(&self, error: &ParseError) -> ConfigError {
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
        self.fault(start, why)
    }
}

/// Whether a string token runs over the end of its line: JSON5 wants a backslash there.
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

/// A key that needs no quotes: an identifier of ECMAScript. (`foo-bar` and `1` need them.)
fn is_identifier(word: &str) -> bool {
    let mut chars = word.chars();
    chars
        .next()
        .is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '$'))
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
}

/// A number of JSON5; `None` for `Infinity`, `NaN` and what is too large for a double.
fn number(text: &str) -> Option<Number> {
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
    // Rust reads `.5`, `5.` and `1e3`, and the words for what is not finite; from_f64 refuses those.
    let value: f64 = digits.parse().ok()?;
    Number::from_f64(if negative { -value } else { value })
}
