//! The accessibility tree of a page as text: what a reader hears, one line for each thing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// As many lines are kept where nobody says otherwise.
pub const LIMIT: usize = 2000;
/// The longest name that is kept whole, in characters.
const LONGEST: usize = 300;
/// Roles that say nothing of their own.
const SILENT: [&str; 6] = [
    "none",
    "generic",
    "InlineTextBox",
    "StaticText",
    "LineBreak",
    "ignored",
];

/// A node of `Accessibility.getFullAXTree`, as far as it is used: newer browsers send values that no
/// typed reader knows yet.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    #[serde(rename = "nodeId")]
    id: String,
    #[serde(default)]
    ignored: bool,
    role: Option<Said>,
    name: Option<Said>,
    value: Option<Said>,
    #[serde(default)]
    child_ids: Vec<String>,
    parent_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Said {
    #[serde(default)]
    value: Value,
}

/// A tree as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// One line for each node, indented by depth: `- link "Home"`.
    pub text: String,
    /// How many lines that are.
    pub lines: usize,
    /// Whether lines were left out.
    pub truncated: bool,
}

/// The text of the answer to `Accessibility.getFullAXTree`, in at most so many lines. Nodes that can't be
/// read are left out.
pub fn text(answer: &Value, limit: usize) -> Snapshot {
    let nodes = answer.get("nodes").and_then(Value::as_array);
    let nodes: Vec<Node> = nodes
        .into_iter()
        .flatten()
        .filter_map(|node| Node::deserialize(node).ok())
        .collect();
    let by_id: BTreeMap<&str, &Node> = nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let roots = nodes.iter().filter(|node| {
        let parent = node.parent_id.as_deref();
        parent.is_none_or(|parent| !by_id.contains_key(parent))
    });
    let mut lines = Vec::new();
    let mut truncated = false;
    // A list of what is left to say, not a recursion: a page may nest as deep as it likes.
    let mut left: Vec<(&Node, usize, String)> = roots.map(|node| (node, 0, String::new())).collect();
    left.reverse();
    while let Some((node, depth, above)) = left.pop() {
        let name = said(node.name.as_ref());
        let line = line(node, &name, &above);
        let below = depth + usize::from(line.is_some());
        if let Some(line) = line {
            if lines.len() == limit {
                truncated = true;
                break;
            }
            lines.push(format!("{}{line}", "  ".repeat(depth.min(40))));
        }
        let children = node
            .child_ids
            .iter()
            .rev()
            .filter_map(|id| by_id.get(id.as_str()));
        left.extend(children.map(|child| {
            (
                *child,
                below,
                if name.is_empty() {
                    above.clone()
                } else {
                    name.clone()
                },
            )
        }));
    }
    Snapshot {
        lines: lines.len(),
        text: lines.join("\n"),
        truncated,
    }
}

/// The line of a node; `above` is the nearest name over it, which a text below need not repeat.
fn line(node: &Node, name: &str, above: &str) -> Option<String> {
    if node.ignored {
        return None;
    }
    let role = said(node.role.as_ref());
    if role == "StaticText" {
        return (!name.is_empty() && name != above).then(|| format!("- text {}", quoted(name)));
    }
    if SILENT.contains(&role.as_str()) || role.is_empty() {
        return None;
    }
    let mut line = format!("- {role}");
    if !name.is_empty() {
        line.push(' ');
        line.push_str(&quoted(name));
    }
    let value = said(node.value.as_ref());
    if !value.is_empty() {
        line.push_str(": ");
        line.push_str(&quoted(&value));
    }
    Some(line)
}

fn said(said: Option<&Said>) -> String {
    match said.map(|said| &said.value) {
        Some(Value::String(text)) => {
            let parts = text.split(|c: char| c.is_whitespace() || c.is_control());
            parts
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        }
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        _ => String::new(),
    }
}

fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    serde_json::to_string(&short).expect("a text")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(id: &str, parent: Option<&str>, role: &str, name: &str, children: &[&str]) -> Value {
        json!({
            "nodeId": id, "parentId": parent, "ignored": role == "ignored",
            "role": {"type": "role", "value": role}, "name": {"type": "computedString", "value": name},
            "childIds": children, "properties": [{"name": "of-tomorrow", "value": {"type": "?"}}],
        })
    }

    #[test]
    fn what_a_reader_hears_stands_there_and_nothing_twice() {
        let answer = json!({"nodes": [
            node("1", None, "RootWebArea", "A page", &["2", "3"]),
            node("2", Some("1"), "heading", "Hello", &["4"]),
            node("4", Some("2"), "StaticText", "Hello", &[]),
            node("3", Some("1"), "generic", "", &["5", "6"]),
            node("5", Some("3"), "StaticText", "some \n\u{9b} text", &[]),
            json!({"nodeId": "6", "parentId": "3", "role": {"value": "textbox"},
                   "name": {"value": "Name"}, "value": {"value": "Ada \"A\""}}),
            json!({"broken": true}),
        ]});
        let expected = "- RootWebArea \"A page\"\n  - heading \"Hello\"\n  - text \"some text\"\n\
                        \u{20} - textbox \"Name\": \"Ada \\\"A\\\"\"";
        let snapshot = text(&answer, LIMIT);
        assert_eq!(
            (snapshot.text.as_str(), snapshot.lines, snapshot.truncated),
            (expected, 4, false)
        );
        let short = text(&answer, 2);
        assert_eq!((short.lines, short.truncated), (2, true));
    }

    #[test]
    fn a_deep_page_ends() {
        let nodes: Vec<_> = (0..50_000)
            .map(|at| {
                let (id, next) = (at.to_string(), (at + 1).to_string());
                node(
                    &id,
                    (at > 0).then(|| (at - 1).to_string()).as_deref(),
                    "group",
                    "",
                    &[&next],
                )
            })
            .collect();
        assert_eq!(text(&json!({ "nodes": nodes }), LIMIT).lines, LIMIT);
        assert_eq!(text(&Value::Null, LIMIT).text, "");
    }
}
