//! Checks JSON documents against the keywords of JSON Schema that OpenClaw's schemas put on what this program writes.
//!
//! A keyword that is met and not known here panics: nothing passes because it was not looked at. A library for the whole
//! of JSON Schema would be an eighth of all crates in the lock file, for the tests of one file.

use regex_lite::Regex;
use serde_json::{Map, Value};

/// Returns what in a document breaks a schema, each with its path; an empty list for a valid document.
pub fn violations(schema: &Value, document: &Value) -> Vec<String> {
    let keywords = match schema {
        Value::Bool(true) => return Vec::new(),
        Value::Bool(false) => return vec![": nothing is allowed here".to_owned()],
        Value::Object(keywords) => keywords,
        other => panic!("no schema: {other}"),
    };
    let mut found = Vec::new();
    for (keyword, rule) in keywords {
        match document {
            Value::Object(members) if is_about_objects(keyword) => {
                found.extend(object_violations(keywords, keyword, rule, members));
            }
            Value::Array(elements) if keyword == "items" => {
                for (index, element) in elements.iter().enumerate() {
                    found.extend(below(&index.to_string(), violations(rule, element)));
                }
            }
            _ if is_about_objects(keyword) || keyword == "items" => {}
            _ if holds(keyword, rule, document) => {}
            _ => found.push(format!(": {document} breaks {keyword} {rule}")),
        }
    }
    found
}

/// Returns violations with the path of what they are in before their own.
fn below(step: &str, found: Vec<String>) -> impl Iterator<Item = String> {
    found.into_iter().map(move |text| format!("/{step}{text}"))
}

fn is_about_objects(keyword: &str) -> bool {
    let keywords = ["properties", "additionalProperties", "propertyNames", "required"];
    keywords.contains(&keyword)
}

/// Returns what in an object breaks one keyword about objects; `keywords` are all of the schema.
fn object_violations(
    keywords: &Map<String, Value>,
    keyword: &str,
    rule: &Value,
    members: &Map<String, Value>,
) -> Vec<String> {
    let mut found = Vec::new();
    if keyword == "required" {
        let missing = list(rule)
            .iter()
            .filter(|name| !members.contains_key(name.as_str().expect("a name")));
        found.extend(missing.map(|name| format!(": {name} is missing")));
        return found;
    }
    for (name, member) in members {
        let named = keywords.get("properties").and_then(|all| all.get(name));
        let in_member = match (keyword, named) {
            ("properties", Some(schema)) => violations(schema, member),
            ("additionalProperties", None) => violations(rule, member),
            ("propertyNames", _) => violations(rule, &Value::from(name.as_str())),
            _ => continue,
        };
        found.extend(below(name, in_member));
    }
    found
}

/// Returns whether a document keeps a keyword that is not about the members of an object or the elements of an array.
fn holds(keyword: &str, rule: &Value, document: &Value) -> bool {
    let passes = |schema: &Value| violations(schema, document).is_empty();
    let compare = |holds: fn(f64, f64) -> bool| {
        let limit = rule.as_f64().expect("a number");
        document.as_f64().is_none_or(|number| holds(number, limit))
    };
    let length = |holds: fn(u64, u64) -> bool| {
        let limit = rule.as_u64().expect("a length");
        document
            .as_str()
            .is_none_or(|text| holds(text.chars().count() as u64, limit))
    };
    match keyword {
        "$schema" | "default" => true,
        "type" => match rule {
            Value::Array(types) => types.iter().any(|name| has_type(name, document)),
            name => has_type(name, document),
        },
        "const" => rule == document,
        "enum" => list(rule).contains(document),
        "anyOf" => list(rule).iter().any(passes),
        "oneOf" => list(rule).iter().filter(|schema| passes(schema)).count() == 1,
        "allOf" => list(rule).iter().all(passes),
        "minimum" => compare(|number, limit| number >= limit),
        "maximum" => compare(|number, limit| number <= limit),
        "exclusiveMinimum" => compare(|number, limit| number > limit),
        "minLength" => length(|length, limit| length >= limit),
        "maxLength" => length(|length, limit| length <= limit),
        "pattern" => {
            let pattern =
                Regex::new(rule.as_str().expect("a pattern")).expect("a pattern without look-around");
            document.as_str().is_none_or(|text| pattern.is_match(text))
        }
        "format" if rule == "uri" => document.as_str().is_none_or(|text| {
            let uri = text.parse::<http::Uri>();
            uri.is_ok_and(|uri| uri.scheme().is_some())
        }),
        other => panic!("a keyword that is not checked: {other}"),
    }
}

fn has_type(name: &Value, document: &Value) -> bool {
    match name.as_str().expect("the name of a type") {
        "null" => document.is_null(),
        "boolean" => document.is_boolean(),
        "string" => document.is_string(),
        "number" => document.is_number(),
        "integer" => document.as_f64().is_some_and(|number| number.fract() == 0.0),
        "array" => document.is_array(),
        "object" => document.is_object(),
        other => panic!("no type: {other}"),
    }
}

fn list(rule: &Value) -> &[Value] {
    rule.as_array().expect("a list")
}
