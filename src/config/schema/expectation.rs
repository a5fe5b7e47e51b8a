//! Says in a sentence which values a node of a schema accepts.

use serde_json::Value;

use super::keyword::{Keyword, NodeId, ValueType};
use super::nodes;
use crate::i18n::{Msg, msg};

/// The code of a finding at a key that has a fixed set of values.
pub(super) const WORDS_CODE: &str = "config.schema-word";

/// Maximum number of alternatives and of words that a sentence lists.
const MAX_LISTED: usize = 16;

/// Returns the sentence that says what a node accepts.
pub(super) fn of(node: NodeId) -> Msg {
    let keywords = nodes::keywords(node);
    for keyword in keywords {
        match keyword {
            Keyword::Enum(literals) => return of_literals(literals),
            Keyword::AnyOf(nodes) | Keyword::OneOf(nodes) if !has_types(keywords) => {
                return of_alternatives(nodes);
            }
            Keyword::AllOf(nodes) if !has_types(keywords) => return of(nodes[0]),
            _ => {}
        }
    }
    let types = keywords.iter().find_map(|keyword| match keyword {
        Keyword::Type(types) => Some(types),
        _ => None,
    });
    types.map_or_else(|| msg!("config.schema-other"), |types| of_types(types, keywords))
}

fn has_types(keywords: &[Keyword]) -> bool {
    keywords.iter().any(|keyword| matches!(keyword, Keyword::Type(_)))
}

fn of_literals(literals: &[Value]) -> Msg {
    let word = |literal: &Value| {
        literal
            .as_str()
            .map_or_else(|| literal.to_string(), str::to_owned)
    };
    let mut listed: Vec<_> = literals.iter().take(MAX_LISTED).map(word).collect();
    if literals.len() > MAX_LISTED {
        listed.push("…".to_owned());
    }
    msg!("config.schema-word", words = listed.join(", "))
}

/// Returns the sentence that says what one of several nodes accepts.
pub(super) fn of_alternatives(nodes: &[NodeId]) -> Msg {
    let mut sentences: Vec<Msg> = Vec::new();
    for node in nodes {
        let sentence = of(*node);
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    sentences.truncate(MAX_LISTED);
    let joined = sentences.into_iter().rev().reduce(|rest, first| {
        Msg::new("config.schema-either")
            .with_msg("first", first)
            .with_msg("second", rest)
    });
    joined.unwrap_or_else(|| msg!("config.schema-other"))
}

fn of_types(types: &[ValueType], keywords: &[Keyword]) -> Msg {
    let mut sentences = Vec::new();
    if types.contains(&ValueType::String) {
        sentences.push(of_text(keywords));
    }
    if types.contains(&ValueType::Integer) || types.contains(&ValueType::Number) {
        sentences.push(of_number(types.contains(&ValueType::Number), keywords));
    }
    if types.contains(&ValueType::Boolean) {
        sentences.push(msg!("config.schema-bool"));
    }
    if types.contains(&ValueType::Object) {
        sentences.push(of_object(keywords));
    }
    if types.contains(&ValueType::Array) {
        sentences.push(of_list(keywords));
    }
    if types.contains(&ValueType::Null) {
        sentences.push(msg!("config.schema-null"));
    }
    let joined = sentences.into_iter().rev().reduce(|rest, first| {
        Msg::new("config.schema-either")
            .with_msg("first", first)
            .with_msg("second", rest)
    });
    joined.unwrap_or_else(|| msg!("config.schema-other"))
}

fn of_object(keywords: &[Keyword]) -> Msg {
    for keyword in keywords {
        match keyword {
            Keyword::MinProperties(least) => return msg!("config.schema-object-least", least = least),
            Keyword::MaxProperties(most) => return msg!("config.schema-object-most", most = most),
            _ => {}
        }
    }
    msg!("config.schema-object")
}

fn of_list(keywords: &[Keyword]) -> Msg {
    for keyword in keywords {
        match keyword {
            Keyword::MinItems(least) => return msg!("config.schema-list-least", least = least),
            Keyword::MaxItems(most) => return msg!("config.schema-list-most", most = most),
            Keyword::UniqueItems(true) => return msg!("config.schema-list-unique"),
            Keyword::Items(node) if are_texts(*node) => return msg!("config.schema-texts"),
            _ => {}
        }
    }
    msg!("config.schema-list")
}

/// Returns whether a node accepts texts only.
fn are_texts(node: NodeId) -> bool {
    matches!(nodes::keywords(node), [Keyword::Type(types), ..] if types[..] == [ValueType::String])
}

fn of_text(keywords: &[Keyword]) -> Msg {
    let mut sentence = msg!("config.schema-text");
    for keyword in keywords {
        sentence = match keyword {
            Keyword::Pattern(pattern) => return msg!("config.schema-pattern", pattern = &pattern.source),
            Keyword::Format(format) if format == "uri" => return msg!("config.schema-url"),
            Keyword::Format(format) => msg!("config.schema-format", format = format),
            Keyword::MaxLength(most) => msg!("config.schema-text-most", most = most),
            Keyword::MinLength(least @ 1..) if sentence.key() == "config.schema-text" => {
                msg!("config.schema-text-least", least = least)
            }
            _ => sentence,
        };
    }
    sentence
}

fn of_number(may_be_fraction: bool, keywords: &[Keyword]) -> Msg {
    let (mut least, mut above, mut most) = (None, None, None);
    for keyword in keywords {
        match keyword {
            Keyword::Minimum(bound) => least = Some(*bound),
            Keyword::ExclusiveMinimum(bound) if may_be_fraction => above = Some(*bound),
            Keyword::ExclusiveMinimum(bound) => least = Some(bound + 1.0),
            Keyword::Maximum(bound) => most = Some(*bound),
            _ => {}
        }
    }
    match (may_be_fraction, least, above, most) {
        (false, Some(least), _, Some(most)) => msg!("config.schema-whole-range", least = least, most = most),
        (false, Some(least), ..) => msg!("config.schema-whole-least", least = least),
        (false, _, _, Some(most)) => msg!("config.schema-whole-most", most = most),
        (false, ..) => msg!("config.schema-whole"),
        (true, Some(least), _, Some(most)) => msg!("config.schema-number-range", least = least, most = most),
        (true, Some(least), ..) => msg!("config.schema-number-least", least = least),
        (true, _, Some(above), _) => msg!("config.schema-number-above", above = above),
        (true, _, _, Some(most)) => msg!("config.schema-number-most", most = most),
        (true, ..) => msg!("config.schema-number"),
    }
}
