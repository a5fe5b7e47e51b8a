//! The keywords of OpenClaw's two config schemas, as `build.rs` writes them.

use std::sync::OnceLock;

use regex_lite::Regex;
use serde::Deserialize;
use serde_json::Value;

/// The number of a node: a schema, or a part of one.
pub(super) type NodeId = usize;

/// One condition of a config schema on a value. A condition on another type of value than the one at hand is fulfilled.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Keyword {
    /// No value is valid.
    Never,
    /// The value has one of these types.
    Type(Vec<ValueType>),
    /// The value is one of these.
    Enum(Vec<Value>),
    /// The keys of an object with their nodes, in alphabetical order.
    Properties(Vec<(String, NodeId)>),
    /// The node of an object's other keys.
    AdditionalProperties(NodeId),
    /// The node of an object's keys themselves.
    PropertyNames(NodeId),
    /// The keys that an object must have.
    Required(Vec<String>),
    MinProperties(usize),
    MaxProperties(usize),
    /// The nodes of an array's first elements.
    PrefixItems(Vec<NodeId>),
    /// The node of the elements after those of [`Self::PrefixItems`].
    AdditionalItems(NodeId),
    /// The node of all elements.
    Items(NodeId),
    MinItems(usize),
    MaxItems(usize),
    /// `true` if no two elements may be equal.
    UniqueItems(bool),
    /// One or more of the nodes accept the value.
    AnyOf(Vec<NodeId>),
    /// Exactly one of the nodes accepts the value.
    OneOf(Vec<NodeId>),
    /// All nodes accept the value.
    AllOf(Vec<NodeId>),
    /// The node does not accept the value.
    Not(NodeId),
    /// The condition of [`Self::Then`].
    If(NodeId),
    /// The node accepts the value where that of [`Self::If`] does.
    Then(NodeId),
    Minimum(f64),
    Maximum(f64),
    ExclusiveMinimum(f64),
    /// Number of UTF-16 units.
    MinLength(usize),
    /// Number of UTF-16 units.
    MaxLength(usize),
    Pattern(Pattern),
    /// The name of a format of texts.
    Format(String),
}

/// A pattern that a config schema requires of a text.
#[derive(Debug, Deserialize)]
pub(super) struct Pattern {
    /// The pattern as the schema has it, in the syntax of JavaScript.
    pub(super) source: String,
    /// The expression that is found in a valid text.
    pub(super) found: String,
    /// The expressions that are not found in a valid text: the negative lookaheads of the pattern.
    pub(super) refused: Vec<String>,
    /// Both, compiled as soon as a text is checked.
    #[serde(skip)]
    compiled: OnceLock<Option<CompiledPattern>>,
}

/// A pattern of a config schema, compiled.
#[derive(Debug)]
struct CompiledPattern {
    found: Regex,
    refused: Vec<Regex>,
}

/// A type of values, as config schemas name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ValueType {
    String,
    Number,
    Integer,
    Boolean,
    Object,
    Array,
    Null,
}

impl ValueType {
    /// Returns whether a config value has this type. Every whole number is also a number.
    pub(super) fn has(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Integer => is_whole(value),
            Self::Boolean => value.is_boolean(),
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
            Self::Null => value.is_null(),
        }
    }
}

/// Returns whether a value is a whole number, also where it was written as `18789.0` or `1e4`: JavaScript knows no
/// difference.
fn is_whole(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// Returns whether a config value is a literal of a schema; numbers are compared as JavaScript does.
pub(super) fn is_literal(literal: &Value, value: &Value) -> bool {
    match (literal.as_f64(), value.as_f64()) {
        (Some(literal), Some(number)) => (number - literal).abs() < f64::EPSILON,
        _ => literal == value,
    }
}

impl Pattern {
    /// Returns whether a text fits the pattern.
    pub(super) fn fits(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| self.compile());
        compiled.as_ref().is_some_and(|compiled| {
            compiled.found.is_match(text) && !compiled.refused.iter().any(|refused| refused.is_match(text))
        })
    }

    /// Compiles the pattern. A test compiles every pattern of the schemas.
    fn compile(&self) -> Option<CompiledPattern> {
        let refused = self.refused.iter().map(|pattern| Regex::new(pattern).ok());
        Some(CompiledPattern {
            found: Regex::new(&self.found).ok()?,
            refused: refused.collect::<Option<_>>()?,
        })
    }
}
