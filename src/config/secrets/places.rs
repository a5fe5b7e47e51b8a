//! Finds the places of secrets in the text of a config. The value of the config is not enough: a key that is twice in an
//! object has one value and two places, and a comment has no value and may hold an old token.

use std::cmp::Reverse;
use std::iter;
use std::ops::Range;

use jsonc_parser::ast::{Object, StringLit, Value};
use jsonc_parser::tokens::Token;
use jsonc_parser::{CollectOptions, Scanner, ScannerOptions, parse_to_ast};

use super::detect::{KeyContext, is_concrete, names_secret, url_credentials};
use crate::config::reader::{BOM, parse_options};

/// Minimum length of a secret of which copies are searched in the whole text, in bytes: a shorter one may be part of
/// another word.
const MIN_COPY_BYTES: usize = 16;

/// The place of a secret in a text.
pub(super) struct SecretPlace {
    /// The byte range of the place.
    pub(super) range: Range<usize>,
    /// The characters of the secret; `None` in a comment.
    pub(super) secret: Option<String>,
    /// `true` if the place is that of a number, which a text in quotes replaces.
    pub(super) is_number: bool,
}

/// Returns the places of all secrets in order, none within another; `None` when the text is no config.
pub(super) fn find(text: &str) -> Option<Vec<SecretPlace>> {
    let body = text.strip_prefix(BOM).unwrap_or(text);
    let tree = parse_to_ast(body, &CollectOptions::default(), &parse_options()).ok()?;
    let mut found = Vec::new();
    find_in_value(body, &tree.value?, KeyContext::default(), &mut found);
    find_in_comments(body, &mut found)?;
    find_copies(body, &mut found);
    found.sort_by_key(|place| (place.range.start, Reverse(place.range.end)));
    let bom = text.len() - body.len();
    let mut merged: Vec<SecretPlace> = Vec::new();
    for mut place in found {
        place.range = place.range.start + bom..place.range.end + bom;
        match merged.last_mut() {
            Some(last) if place.range.start < last.range.end => {
                last.range.end = last.range.end.max(place.range.end);
            }
            _ => merged.push(place),
        }
    }
    Some(merged)
}

/// Adds the secrets of a value. The depth of its nesting was bounded when the document was parsed.
fn find_in_value(body: &str, value: &Value<'_>, context: KeyContext, found: &mut Vec<SecretPlace>) {
    match value {
        Value::Object(object) if is_reference(object) => {}
        Value::Object(object) => {
            for property in &object.properties {
                let context = context.below(property.name.as_str());
                find_in_value(body, &property.value, context, found);
            }
        }
        Value::Array(array) => {
            for element in &array.elements {
                find_in_value(body, element, context, found);
            }
        }
        Value::StringLit(text) => find_in_string(body, text, context.hides_texts(), found),
        Value::NumberLit(number) if context.hides_numbers() => found.push(SecretPlace {
            range: number.range.start..number.range.end,
            secret: None,
            is_number: true,
        }),
        Value::NumberLit(_) | Value::BooleanLit(_) | Value::NullKeyword(_) => {}
    }
}

/// Adds a string as a whole where its key names a secret, else the URL credentials in it.
fn find_in_string(body: &str, text: &StringLit<'_>, secret: bool, found: &mut Vec<SecretPlace>) {
    // Between the quotes.
    let inside = text.range.start + 1..text.range.end - 1;
    if secret && is_concrete(&text.value) {
        found.push(SecretPlace {
            range: inside,
            secret: Some(text.value.clone().into_owned()),
            is_number: false,
        });
        return;
    }
    for part in url_credentials(&text.value) {
        // In a string that is written with escapes, the place of a part is not known: the whole string is hidden.
        let is_verbatim = body[inside.clone()] == *text.value;
        found.push(SecretPlace {
            range: if is_verbatim {
                inside.start + part.start..inside.start + part.end
            } else {
                inside.clone()
            },
            secret: Some(text.value[part].to_owned()),
            is_number: false,
        });
    }
}

/// Returns whether an object of the syntax tree is a reference to a secret store, as [`super::is_reference`] does for a
/// value.
fn is_reference(object: &Object<'_>) -> bool {
    let text = |key: &str| {
        let mut properties = object.properties.iter();
        properties.any(|p| p.name.as_str() == key && matches!(p.value, Value::StringLit(_)))
    };
    object.properties.len() == 3 && ["source", "provider", "id"].into_iter().all(text)
}

/// Adds the comments that assign a value to a secret's key, as a whole, and the URL credentials in all others.
fn find_in_comments(body: &str, found: &mut Vec<SecretPlace>) -> Option<()> {
    let mut scanner = Scanner::new(body, &ScannerOptions::default());
    while let Some(token) = scanner.scan().ok()? {
        let (Token::CommentLine(text) | Token::CommentBlock(text)) = token else {
            continue;
        };
        let start = scanner.token_start() + "//".len();
        let places = if sets_secret(text) {
            iter::once(0..text.len()).collect()
        } else {
            url_credentials(text)
        };
        found.extend(places.into_iter().map(|part| SecretPlace {
            range: start + part.start..start + part.end,
            secret: None,
            is_number: false,
        }));
    }
    Some(())
}

/// Returns whether a comment assigns a value to a secret's key: `token: abc`, `"apiKey" : "abc"`, `GATEWAY_TOKEN=abc`.
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

/// Adds all copies of the secrets that were found.
fn find_copies(body: &str, found: &mut Vec<SecretPlace>) {
    let mut secrets: Vec<String> = found.iter().filter_map(|place| place.secret.clone()).collect();
    secrets.retain(|secret| secret.len() >= MIN_COPY_BYTES);
    secrets.sort();
    secrets.dedup();
    for secret in secrets {
        // Copies may overlap: a repeated secret is found at each of its beginnings.
        let starts = body.char_indices().map(|(at, _)| at);
        found.extend(
            starts
                .filter(|at| body[*at..].starts_with(&secret))
                .map(|at| SecretPlace {
                    range: at..at + secret.len(),
                    secret: Some(secret.clone()),
                    is_number: false,
                }),
        );
    }
}
