//! Turns the JSON schemas of OpenClaw's config (`schemas/`) into one list of nodes, as the program reads them.
//!
//! A node is a schema or a part of one: an array of its keywords in JSON, in which the number of another node stands for
//! each inner schema. Equal parts of the schemas become one node: both schemas repeat themselves a lot, and four of five
//! nodes are gone afterwards. References are replaced by what they point to. Only the keywords that the two schemas use
//! are known; any other one stops the build, so that a newer schema is never read half.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// The largest whole number that JavaScript holds exactly: as a bound it says nothing.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// The keywords that say nothing about which values are valid.
const IGNORED: [&str; 5] = ["$schema", "title", "description", "default", "$defs"];

/// The nodes of all schemas.
#[derive(Default)]
pub(crate) struct SchemaNodes {
    nodes: Vec<String>,
    index: HashMap<String, usize>,
}

impl SchemaNodes {
    /// Adds a schema and returns the number of its root node.
    pub(crate) fn add(&mut self, schema: &Value) -> usize {
        self.node(schema, &Map::new())
    }

    /// Returns the nodes as JSON, one after the other.
    pub(crate) fn text(&self) -> String {
        self.nodes.concat()
    }

    /// Returns Rust source: the constant `name` for each root, and the offset in the text at which each node ends.
    pub(crate) fn index(&self, roots: &[(&str, usize)]) -> String {
        let mut out = String::new();
        for (name, root) in roots {
            writeln!(out, "pub(super) const {name}: NodeId = {root};").unwrap();
        }
        let mut end = 0;
        let ends = self.nodes.iter().map(|node| {
            end += node.len();
            end.to_string()
        });
        let ends: Vec<_> = ends.collect();
        writeln!(
            out,
            "pub(super) static NODE_ENDS: [u32; {}] = [{}];",
            ends.len(),
            ends.join(", ")
        )
        .unwrap();
        out
    }

    fn intern(&mut self, keywords: Vec<Value>) -> usize {
        let node = Value::Array(keywords).to_string();
        if let Some(known) = self.index.get(&node) {
            return *known;
        }
        self.nodes.push(node.clone());
        self.index.insert(node, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    /// Adds a schema or a part of one. `definitions` are those to which its references point.
    fn node(&mut self, schema: &Value, definitions: &Map<String, Value>) -> usize {
        let object = match schema {
            Value::Bool(true) => return self.intern(Vec::new()),
            Value::Bool(false) => return self.intern(vec![json!("never")]),
            Value::Object(object) => object,
            other => panic!("config schema: {other} is no schema"),
        };
        let definitions = match object.get("$defs") {
            Some(Value::Object(own)) => own,
            _ => definitions,
        };
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            let name = reference.trim_start_matches("#/$defs/");
            return self.node(&definitions[name], definitions);
        }
        if let Some(literals) = literals(object) {
            return self.intern(vec![json!({ "enum": literals })]);
        }
        let mut keywords = Vec::new();
        for (key, value) in object {
            if let Some((name, value)) = self.keyword(key, value, object, definitions) {
                keywords.push(json!({ name: value }));
            }
        }
        // The type goes first: what a keyword says of one type counts for that type only.
        keywords.sort_by_key(|keyword| keyword.get("type").is_none());
        self.intern(keywords)
    }

    /// Returns a keyword's name and value as the program reads them; `None` for one that says nothing.
    fn keyword<'k>(
        &mut self,
        key: &'k str,
        value: &Value,
        object: &Map<String, Value>,
        definitions: &Map<String, Value>,
    ) -> Option<(&'k str, Value)> {
        let is_unbounded = || {
            value
                .as_f64()
                .is_some_and(|bound| bound.abs() >= MAX_SAFE_INTEGER)
        };
        let value = match key {
            _ if IGNORED.contains(&key) => return None,
            "minimum" | "maximum" if is_unbounded() => return None,
            "type" | "enum" if !value.is_array() => json!([value]),
            "const" => return Some(("enum", json!([value]))),
            "properties" => self.properties(value, definitions),
            "required" => required(value, object)?,
            "items" if value.is_array() => return Some(("prefixItems", self.nodes(key, value, definitions))),
            "additionalProperties"
            | "additionalItems"
            | "propertyNames"
            | "items"
            | "not"
            | "if"
            | "then" => {
                json!(self.node(value, definitions))
            }
            "anyOf" | "oneOf" | "allOf" => self.nodes(key, value, definitions),
            "type" | "enum" | "minimum" | "maximum" | "exclusiveMinimum" | "minLength" | "maxLength"
            | "minItems" | "maxItems" | "minProperties" | "maxProperties" | "uniqueItems" | "format" => {
                value.clone()
            }
            "pattern" => pattern(value.as_str().expect("config schema: a pattern is a text")),
            other => panic!("config schema: the keyword {other} is not known"),
        };
        Some((key, value))
    }

    fn nodes(&mut self, key: &str, value: &Value, definitions: &Map<String, Value>) -> Value {
        let parts = value.as_array().unwrap_or_else(|| panic!("config schema: {key}"));
        parts.iter().map(|part| self.node(part, definitions)).collect()
    }

    /// Returns the keys of an object with their nodes, in alphabetical order.
    fn properties(&mut self, value: &Value, definitions: &Map<String, Value>) -> Value {
        let mut keys: Vec<_> = value.as_object().into_iter().flatten().collect();
        keys.sort_by_key(|(key, _)| *key);
        let keys = keys
            .into_iter()
            .map(|(key, child)| json!([key, self.node(child, definitions)]));
        keys.collect()
    }
}

/// Returns the values of a schema that allows these and nothing else, also of one that lists them as alternatives.
fn literals(object: &Map<String, Value>) -> Option<Vec<Value>> {
    let says_more = |key: &&String| !IGNORED.contains(&key.as_str()) && *key != "type";
    let keys: Vec<_> = object.keys().filter(says_more).collect();
    let [key] = keys[..] else {
        return None;
    };
    match (key.as_str(), &object[key]) {
        ("enum", Value::Array(values)) => Some(values.clone()),
        ("const", value) => Some(vec![value.clone()]),
        ("anyOf", Value::Array(parts)) if !object.contains_key("type") => {
            let parts = parts.iter().map(|part| literals(part.as_object()?));
            Some(parts.collect::<Option<Vec<_>>>()?.concat())
        }
        _ => None,
    }
}

/// Returns the keys that must be there. A key with a default is filled in before the releases look at it.
fn required(value: &Value, object: &Map<String, Value>) -> Option<Value> {
    let has_default = |key: &&Value| {
        let of_key = || object.get("properties")?.get(key.as_str()?)?.get("default");
        of_key().is_some()
    };
    let keys: Vec<_> = value.as_array()?.iter().filter(|key| !has_default(key)).collect();
    (!keys.is_empty()).then(|| json!(keys))
}

/// Returns a pattern of JavaScript as the program matches it: an expression that must be found, and others that must
/// not. The latter are the negative lookaheads, for which the program's engine has no syntax; each stands behind a part
/// that matches in one way only.
fn pattern(source: &str) -> Value {
    // Nothing follows: the end.
    let mut rest = source.replace(r"(?![\s\S])", "$");
    let mut refused = Vec::new();
    while let Some(start) = rest.find("(?!") {
        let end = start + group_length(&rest[start..]);
        refused.push(translate(&format!(
            "{}(?:{})",
            &rest[..start],
            &rest[start + 3..end - 1]
        )));
        rest = rest[..start].to_owned() + &rest[end..];
    }
    json!({ "source": source, "found": translate(&rest), "refused": refused })
}

/// Returns the number of bytes of the group that a pattern begins with.
fn group_length(pattern: &str) -> usize {
    let (mut depth, mut in_class, mut escaped) = (0, false, false);
    for (at, c) in pattern.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    panic!("config schema: the pattern {pattern:?} has an open group");
}

/// Translates a pattern of JavaScript without lookaheads. Text in Rust has no surrogates, so that the class of all that
/// are none has every character; a bracket in a class is escaped.
fn translate(pattern: &str) -> String {
    let pattern = pattern
        .replace(r"[^\p{Cs}]", r"[\s\S]")
        .replace(r"\p{Cs}", "")
        .replace(r"\p{Cc}", r"\x00-\x1f\x7f-\x9f")
        .replace(r"\0", r"\x00");
    let (mut out, mut in_class, mut escaped) = (String::new(), false, false);
    for c in pattern.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' if in_class => out.push('\\'),
            '[' => in_class = true,
            ']' => in_class = false,
            _ => {}
        }
        out.push(c);
    }
    out
}
