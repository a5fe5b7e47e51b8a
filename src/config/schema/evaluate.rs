//! Evaluates the nodes of a schema on a value.

use serde_json::{Map, Value};

use super::finding::{SchemaFinding, Violation};
use super::keyword::{Keyword, NodeId, is_literal};
use super::{expectation, format, nodes};
use crate::config::key_path::WalkedPath;
use crate::config::variables;
use crate::i18n::msg;

/// Maximum number of typing errors in a key for which the meant key is named.
const MAX_TYPING_ERRORS: usize = 2;

/// The key that stands for the keys of other files.
const INCLUDE_KEY: &str = "$include";

/// The findings of an evaluation: everything that is not accepted, or only whether there is anything.
enum Findings {
    /// All findings so far.
    All(Vec<SchemaFinding>),
    /// A single finding, if there is any. The first one ends the evaluation.
    Whether(bool),
}

impl Findings {
    /// Adds a finding, which is made only where somebody wants to know it.
    fn add(&mut self, finding: impl FnOnce() -> SchemaFinding) {
        match self {
            Self::All(findings) => findings.push(finding()),
            Self::Whether(is_found) => *is_found = true,
        }
    }

    /// Returns whether nothing more has to be evaluated.
    fn is_settled(&self) -> bool {
        matches!(self, Self::Whether(true))
    }
}

/// Returns what a node does not accept in a value, in the order of the value.
pub(super) fn check(node: NodeId, value: &Value) -> Vec<SchemaFinding> {
    check_at(node, value, &WalkedPath::Root)
}

/// Returns what a node does not accept in the value at a path.
fn check_at(node: NodeId, value: &Value, path: &WalkedPath<'_>) -> Vec<SchemaFinding> {
    let mut findings = Findings::All(Vec::new());
    evaluate(node, value, path, &mut findings);
    match findings {
        Findings::All(findings) => findings,
        Findings::Whether(_) => Vec::new(),
    }
}

/// Returns whether a node accepts a value.
pub(super) fn accepts(node: NodeId, value: &Value) -> bool {
    let mut findings = Findings::Whether(false);
    evaluate(node, value, &WalkedPath::Root, &mut findings);
    !findings.is_settled()
}

/// Evaluates a node on the value at a path, and adds what it does not accept to the findings.
fn evaluate(node: NodeId, value: &Value, path: &WalkedPath<'_>, findings: &mut Findings) {
    if findings.is_settled() {
        return;
    }
    let keywords = nodes::keywords(node);
    if !keywords.iter().all(|keyword| fits_itself(keyword, value)) {
        findings.add(|| SchemaFinding::invalid_value(path.to_key_path(), expectation::of(node), value));
        return;
    }
    match value {
        Value::Object(map) => evaluate_object(keywords, map, path, findings),
        Value::Array(elements) => evaluate_array(keywords, elements, path, findings),
        _ => {}
    }
    for keyword in keywords {
        evaluate_combination(keyword, keywords, value, path, findings);
    }
}

/// Returns whether a value itself, without what lies in it, fulfils a condition.
fn fits_itself(keyword: &Keyword, value: &Value) -> bool {
    match (keyword, value) {
        (Keyword::Never, _) => false,
        (Keyword::Type(types), value) => types.iter().any(|of_schema| of_schema.has(value)),
        // What a variable stands for may be any text.
        (_, Value::String(text)) if variables::has_variable(text) => true,
        (Keyword::Enum(literals), value) => literals.iter().any(|literal| is_literal(literal, value)),
        (Keyword::MinLength(least), Value::String(text)) => text.encode_utf16().count() >= *least,
        (Keyword::MaxLength(most), Value::String(text)) => text.encode_utf16().count() <= *most,
        (Keyword::Pattern(pattern), Value::String(text)) => pattern.fits(text),
        (Keyword::Format(name), Value::String(text)) => format::fits(name, text),
        (_, Value::Number(number)) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            match keyword {
                Keyword::Minimum(least) => number >= *least,
                Keyword::Maximum(most) => number <= *most,
                Keyword::ExclusiveMinimum(below) => number > *below,
                _ => true,
            }
        }
        (Keyword::MinProperties(least), Value::Object(map)) => map.len() >= *least,
        (Keyword::MaxProperties(most), Value::Object(map)) => map.len() <= *most,
        (Keyword::MinItems(least), Value::Array(elements)) => elements.len() >= *least,
        (Keyword::MaxItems(most), Value::Array(elements)) => elements.len() <= *most,
        (Keyword::UniqueItems(true), Value::Array(elements)) => {
            let mut rest = elements.iter();
            !std::iter::from_fn(|| rest.next().map(|element| rest.as_slice().contains(element)))
                .any(|twice| twice)
        }
        _ => true,
    }
}

fn evaluate_object(
    keywords: &[Keyword],
    map: &Map<String, Value>,
    path: &WalkedPath<'_>,
    findings: &mut Findings,
) {
    let known = keywords.iter().find_map(|keyword| match keyword {
        Keyword::Properties(known) => Some(known.as_slice()),
        _ => None,
    });
    let known = known.unwrap_or_default();
    let other = keywords.iter().find_map(|keyword| match keyword {
        Keyword::AdditionalProperties(node) => Some(*node),
        _ => None,
    });
    // What an include brings is not known here: it may also be what is required.
    let has_include = map.contains_key(INCLUDE_KEY);
    for (key, value) in map.iter().filter(|(key, _)| *key != INCLUDE_KEY) {
        let child = path.child(key);
        match (
            known.binary_search_by_key(&key.as_str(), |(known, _)| known.as_str()),
            other,
        ) {
            (Ok(at), _) => evaluate(known[at].1, value, &child, findings),
            (Err(_), Some(node)) if matches!(nodes::keywords(node), [Keyword::Never]) => {
                findings.add(|| SchemaFinding::unknown_key(child.to_key_path(), nearest(key, known)));
            }
            (Err(_), Some(node)) => evaluate(node, value, &child, findings),
            (Err(_), None) => {}
        }
    }
    for keyword in keywords {
        match keyword {
            Keyword::Required(required) if !has_include => {
                for key in required.iter().filter(|key| !map.contains_key(key.as_str())) {
                    findings.add(|| SchemaFinding::missing_key(path.to_key_path(), key));
                }
            }
            Keyword::PropertyNames(node) => {
                let refused = map
                    .keys()
                    .filter(|key| !accepts(*node, &Value::from(key.as_str())));
                for key in refused {
                    findings.add(|| {
                        let expected =
                            msg!("config.schema-name").with_msg("expected", expectation::of(*node));
                        SchemaFinding::invalid_value(path.child(key).to_key_path(), expected, &Value::Null)
                    });
                }
            }
            _ => {}
        }
    }
}

/// Returns the known key that was probably meant by an unknown one.
fn nearest<'k>(key: &str, known: &'k [(String, NodeId)]) -> Option<&'k str> {
    let known = known
        .iter()
        .map(|(known, _)| (strsim::damerau_levenshtein(key, known), known.as_str()));
    let near = known.filter(|(errors, known)| *errors <= MAX_TYPING_ERRORS && errors * 2 < known.len());
    near.min_by_key(|(errors, _)| *errors).map(|(_, known)| known)
}

fn evaluate_array(keywords: &[Keyword], elements: &[Value], path: &WalkedPath<'_>, findings: &mut Findings) {
    let mut first: &[NodeId] = &[];
    let mut rest = None;
    for keyword in keywords {
        match keyword {
            Keyword::PrefixItems(nodes) => first = nodes,
            Keyword::Items(node) | Keyword::AdditionalItems(node) => rest = Some(*node),
            _ => {}
        }
    }
    for (at, element) in elements.iter().enumerate() {
        if let Some(node) = first.get(at).copied().or(rest) {
            evaluate(node, element, &path.index(at), findings);
        }
    }
}

/// Evaluates a keyword that combines nodes.
fn evaluate_combination(
    keyword: &Keyword,
    all: &[Keyword],
    value: &Value,
    path: &WalkedPath<'_>,
    findings: &mut Findings,
) {
    let refuse = |expected| SchemaFinding::invalid_value(path.to_key_path(), expected, value);
    match keyword {
        Keyword::AllOf(nodes) => {
            for node in nodes {
                evaluate(*node, value, path, findings);
            }
        }
        Keyword::AnyOf(nodes) if !nodes.iter().any(|node| accepts(*node, value)) => {
            explain_alternatives(nodes, value, path, findings);
        }
        Keyword::OneOf(nodes) => match nodes.iter().filter(|node| accepts(**node, value)).count() {
            0 => explain_alternatives(nodes, value, path, findings),
            1 => {}
            _ => findings.add(|| refuse(msg!("config.schema-ambiguous"))),
        },
        Keyword::Not(node) if accepts(*node, value) => {
            findings.add(|| refuse(msg!("config.schema-combination")));
        }
        Keyword::If(node) if accepts(*node, value) => {
            for then in all {
                if let Keyword::Then(node) = then {
                    evaluate(*node, value, path, findings);
                }
            }
        }
        _ => {}
    }
}

/// Adds the reason why no alternative accepts a value: what is wrong deeper in the alternative that comes nearest, or
/// where none accepts even its type, what all of them together expect.
fn explain_alternatives(nodes: &[NodeId], value: &Value, path: &WalkedPath<'_>, findings: &mut Findings) {
    let Findings::All(findings) = findings else {
        *findings = Findings::Whether(true);
        return;
    };
    let own_path = path.to_key_path();
    let mut reasons: Vec<Vec<SchemaFinding>> = Vec::new();
    for node in nodes {
        let found = check_at(*node, value, path);
        let is_about_value = |finding: &SchemaFinding| {
            finding.path == own_path && finding.violation == Violation::InvalidValue
        };
        if !found.iter().any(is_about_value) {
            reasons.push(found);
        }
    }
    // A constant key that tells alternatives apart (`type`, `source`) weighs more than any number of others.
    let is_constant = |finding: &SchemaFinding| finding.code == expectation::WORDS_CODE;
    let weight = |found: &Vec<SchemaFinding>| (found.iter().filter(|f| is_constant(f)).count(), found.len());
    match reasons.into_iter().min_by_key(weight) {
        Some(nearest) => findings.extend(nearest),
        None => findings.push(SchemaFinding::invalid_value(
            own_path,
            expectation::of_alternatives(nodes),
            value,
        )),
    }
}
