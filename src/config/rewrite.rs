//! Edits the text of a config from one value to another by the smallest change.
//!
//! Comments, order, indentation, line ends and everything that is equal in both values stay as they are. jsonc-parser
//! makes the edits; this module decides where to edit.

use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstRootNode};
use serde_json::{Map, Value};

use super::reader;

/// Edits the text of a config so that its value `before` becomes the value `after`. `None` when the text can't be
/// edited.
pub(super) fn rewrite(text: &str, before: &Map<String, Value>, after: &Map<String, Value>) -> Option<String> {
    let (bom, body) = match text.strip_prefix(reader::BOM) {
        Some(body) => (reader::BOM, body),
        None => ("", text),
    };
    let root = CstRootNode::parse(body, &reader::parse_options()).ok()?;
    edit_object(&root.object_value()?, before, after)?;
    Some(format!("{bom}{root}"))
}

/// Edits an object in the text of a config: removes, changes and appends keys; keys with equal values stay.
fn edit_object(node: &CstObject, before: &Map<String, Value>, after: &Map<String, Value>) -> Option<()> {
    for removed in before.keys().filter(|key| !after.contains_key(*key)) {
        for property in node.properties() {
            if property.decoded_name().as_ref() == Some(removed) {
                property.remove();
            }
        }
    }
    for (key, new) in after {
        match before.get(key) {
            Some(old) if old == new => {}
            Some(old) => {
                // Of a key that is twice in an object the last one counts (see `reader`).
                let is_it = |name: Option<String>| name.as_ref() == Some(key);
                let property = node
                    .properties()
                    .into_iter()
                    .rev()
                    .find(|p| is_it(p.decoded_name()))?;
                if !edit_in_place(&property.value()?, old, new)? {
                    property.set_value(cst_value(new));
                }
            }
            None => {
                node.append(key, cst_value(new));
            }
        }
    }
    Some(())
}

/// Edits an array in the text of a config: elements that are equal at both ends stay, those between are changed,
/// removed or inserted.
fn edit_array(node: &CstArray, before: &[Value], after: &[Value]) -> Option<()> {
    let start = before
        .iter()
        .zip(after)
        .take_while(|(old, new)| old == new)
        .count();
    let (old_rest, new_rest) = (&before[start..], &after[start..]);
    let end = old_rest
        .iter()
        .rev()
        .zip(new_rest.iter().rev())
        .take_while(|(old, new)| old == new)
        .count();
    let (old_rest, new_rest) = (
        &old_rest[..old_rest.len() - end],
        &new_rest[..new_rest.len() - end],
    );

    let elements = node.elements();
    for (at, (old, new)) in old_rest.iter().zip(new_rest).enumerate() {
        let element = elements.get(start + at)?;
        if !edit_in_place(element, old, new)? {
            replace(element.clone(), new)?;
        }
    }
    let both = old_rest.len().min(new_rest.len());
    for element in elements.get(start + both..start + old_rest.len())?.iter().rev() {
        element.clone().remove();
    }
    for (at, new) in new_rest.iter().enumerate().skip(both) {
        node.insert(start + at, cst_value(new));
    }
    Some(())
}

/// Edits an object or an array of a config in place, so that its text changes as little as possible. Returns `false`
/// where the old and the new value are not both objects or both arrays, so that the node must be replaced.
fn edit_in_place(node: &CstNode, old: &Value, new: &Value) -> Option<bool> {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => edit_object(&node.as_object()?, old, new).map(|()| true),
        (Value::Array(old), Value::Array(new)) => edit_array(&node.as_array()?, old, new).map(|()| true),
        _ => Some(false),
    }
}

/// Replaces a node in the syntax tree of a config's text by a new value.
fn replace(node: CstNode, new: &Value) -> Option<()> {
    use jsonc_parser::cst::{CstContainerNode as Container, CstLeafNode as Leaf};
    let new = cst_value(new);
    match node {
        CstNode::Container(Container::Object(node)) => node.replace_with(new),
        CstNode::Container(Container::Array(node)) => node.replace_with(new),
        CstNode::Leaf(Leaf::StringLit(node)) => node.replace_with(new),
        CstNode::Leaf(Leaf::NumberLit(node)) => node.replace_with(new),
        CstNode::Leaf(Leaf::BooleanLit(node)) => node.replace_with(new),
        CstNode::Leaf(Leaf::NullKeyword(node)) => node.replace_with(new),
        CstNode::Leaf(Leaf::WordLit(node)) => node.replace_with(new),
        _ => None,
    }
    .map(|_| ())
}

/// Converts a value to the input of the syntax tree of a config's text.
fn cst_value(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(elements) => CstInputValue::Array(elements.iter().map(cst_value).collect()),
        Value::Object(map) => {
            CstInputValue::Object(map.iter().map(|(k, v)| (k.clone(), cst_value(v))).collect())
        }
    }
}
