//! Where in a config's text its secrets stand: by the text itself, not by its value. A key that stands twice
//! has one value and two places, and a comment has none and may hold yesterday's token.

use std::cmp::Reverse;
use std::iter;
use std::ops::Range;

use jsonc_parser::ast::{Object, StringLit, Value};
use jsonc_parser::tokens::Token;
use jsonc_parser::{CollectOptions, Scanner, ScannerOptions, parse_to_ast};

use super::{credentials, is_concrete, names_secret};
use crate::config::reader::{BOM, options};

/// A secret that has fewer bytes is not looked for elsewhere: too many words would be one.
const LEAST: usize = 16;

/// A place in a text.
pub(super) struct Place {
    /// Its bytes.
    pub(super) range: Range<usize>,
    /// The secret's characters, where the place is that of a value.
    pub(super) secret: Option<String>,
}

/// The places of all secrets in order, none in another; `None` where the text is no config.
pub(super) fn of(text: &str) -> Option<Vec<Place>> {
    let body = text.strip_prefix(BOM).unwrap_or(text);
    let tree = parse_to_ast(body, &CollectOptions::default(), &options()).ok()?;
    let mut found = Vec::new();
    walk(body, &tree.value?, false, &mut found);
    comments(body, &mut found)?;
    copies(body, &mut found);
    found.sort_by_key(|place| (place.range.start, Reverse(place.range.end)));
    let mark = text.len() - body.len();
    let mut merged: Vec<Place> = Vec::new();
    for mut place in found {
        place.range = place.range.start + mark..place.range.end + mark;
        match merged.last_mut() {
            Some(last) if place.range.start < last.range.end => {
                last.range.end = last.range.end.max(place.range.end);
            }
            _ => merged.push(place),
        }
    }
    Some(merged)
}

/// The values. How deep they nest was bounded when the document was read.
fn walk(body: &str, value: &Value<'_>, secret: bool, found: &mut Vec<Place>) {
    match value {
        Value::Object(object) if is_reference(object) => {}
        Value::Object(object) => {
            for property in &object.properties {
                let secret = secret || names_secret(property.name.as_str());
                walk(body, &property.value, secret, found);
            }
        }
        Value::Array(array) => {
            for element in &array.elements {
                walk(body, element, secret, found);
            }
        }
        Value::StringLit(text) => string(body, text, secret, found),
        Value::NumberLit(_) | Value::BooleanLit(_) | Value::NullKeyword(_) => {}
    }
}

fn string(body: &str, text: &StringLit<'_>, secret: bool, found: &mut Vec<Place>) {
    // Between the quotes.
    let inside = text.range.start + 1..text.range.end - 1;
    if secret && is_concrete(&text.value) {
        found.push(Place {
            range: inside,
            secret: Some(text.value.clone().into_owned()),
        });
        return;
    }
    for part in credentials(&text.value) {
        // Where it is written with escapes its place within the text is not known.
        let as_is = body[inside.clone()] == *text.value;
        found.push(Place {
            range: if as_is {
                inside.start + part.start..inside.start + part.end
            } else {
                inside.clone()
            },
            secret: Some(text.value[part].to_owned()),
        });
    }
}

/// As [`super::is_reference`] has it, of the text's own tree.
fn is_reference(object: &Object<'_>) -> bool {
    let text = |key: &str| {
        let mut properties = object.properties.iter();
        properties.any(|p| p.name.as_str() == key && matches!(p.value, Value::StringLit(_)))
    };
    object.properties.len() == 3 && ["source", "provider", "id"].into_iter().all(text)
}

/// Comments: hidden whole where a word in them is a secret's key with a value behind it.
fn comments(body: &str, found: &mut Vec<Place>) -> Option<()> {
    let mut scanner = Scanner::new(body, &ScannerOptions::default());
    while let Some(token) = scanner.scan().ok()? {
        let (Token::CommentLine(text) | Token::CommentBlock(text)) = token else {
            continue;
        };
        let start = scanner.token_start() + "//".len();
        let places = if sets_secret(text) {
            iter::once(0..text.len()).collect()
        } else {
            credentials(text)
        };
        found.extend(places.into_iter().map(|part| Place {
            range: start + part.start..start + part.end,
            secret: None,
        }));
    }
    Some(())
}

/// `token: abc`, `"apiKey" : "abc"`, `GATEWAY_TOKEN=abc`.
fn sets_secret(comment: &str) -> bool {
    let mut rest = comment;
    while let Some(at) = rest.find([':', '=']) {
        let before = rest[..at].trim_end().trim_end_matches(['"', '\'']);
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$');
        let key = before.rsplit(|c| !is_word(c)).next().unwrap_or_default();
        if names_secret(key) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// Where else the characters of a secret stand.
fn copies(body: &str, found: &mut Vec<Place>) {
    let mut secrets: Vec<String> = found.iter().filter_map(|place| place.secret.clone()).collect();
    secrets.retain(|secret| secret.len() >= LEAST);
    secrets.sort();
    secrets.dedup();
    for secret in secrets {
        // Copies may overlap: a repeated one is found at each of its beginnings.
        let starts = body.char_indices().map(|(at, _)| at);
        found.extend(
            starts
                .filter(|at| body[*at..].starts_with(&secret))
                .map(|at| Place {
                    range: at..at + secret.len(),
                    secret: Some(secret.clone()),
                }),
        );
    }
}
