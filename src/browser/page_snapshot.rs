//! The accessibility tree of a page as text, one line for each node.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Maximum number of lines of a text snapshot of a browser page where the request sets none.
pub(super) const DEFAULT_MAX_LINES: usize = 2000;
/// Maximum length of a name or a value of a node in a text snapshot of a browser page, in characters. Longer ones are
/// cut.
const MAX_NAME_CHARS: usize = 300;
/// Roles of nodes in an accessibility tree that get no line of their own in a text snapshot of a browser page.
/// `StaticText` has one where its text is not that of a node above.
const STRUCTURAL_ROLES: [&str; 6] = [
    "none",
    "generic",
    "InlineTextBox",
    "StaticText",
    "LineBreak",
    "ignored",
];

/// A node of a browser page's accessibility tree in the response to `Accessibility.getFullAXTree`, with the fields
/// that are used here. Newer browsers send values that the types of `chromiumoxide` do not know.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AxNode {
    #[serde(rename = "nodeId")]
    id: String,
    #[serde(default)]
    ignored: bool,
    role: Option<AxValue>,
    name: Option<AxValue>,
    value: Option<AxValue>,
    #[serde(default)]
    child_ids: Vec<String>,
    parent_id: Option<String>,
}

/// A role, a name or a value of a node in a browser's accessibility tree.
#[derive(Debug, Deserialize)]
struct AxValue {
    #[serde(default)]
    value: Value,
}

/// A text snapshot of a browser page, made from its accessibility tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageSnapshot {
    /// The lines, one for each node, indented by depth: `- link "Home"`.
    pub(super) text: String,
    /// The number of lines.
    pub(super) lines: usize,
    /// `true` when lines were left out because of the limit.
    pub(super) truncated: bool,
}

/// Renders a browser page's accessibility tree, the response to `Accessibility.getFullAXTree`, as text of at most
/// `max_lines` lines. Nodes of an unknown form are left out.
pub(super) fn render(response: &Value, max_lines: usize) -> PageSnapshot {
    let nodes = response.get("nodes").and_then(Value::as_array);
    let nodes: Vec<AxNode> = nodes
        .into_iter()
        .flatten()
        .filter_map(|node| AxNode::deserialize(node).ok())
        .collect();
    let by_id: BTreeMap<&str, &AxNode> = nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let roots = nodes.iter().filter(|node| {
        let parent = node.parent_id.as_deref();
        parent.is_none_or(|parent| !by_id.contains_key(parent))
    });
    let mut lines = Vec::new();
    let mut truncated = false;
    // A stack on the heap in place of a recursion: a page may be nested to any depth.
    let mut pending: Vec<(&AxNode, usize, String)> = roots.map(|node| (node, 0, String::new())).collect();
    pending.reverse();
    while let Some((node, depth, above)) = pending.pop() {
        let name = normalized_text(node.name.as_ref());
        let line = render_line(node, &name, &above);
        let below = depth + usize::from(line.is_some());
        if let Some(line) = line {
            if lines.len() == max_lines {
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
        pending.extend(children.map(|child| {
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
    PageSnapshot {
        lines: lines.len(),
        text: lines.join("\n"),
        truncated,
    }
}

/// Renders a node of an accessibility tree as a line of a text snapshot; `None` for a node that gets no line. `above`
/// is the nearest name above the node, which a text does not repeat.
fn render_line(node: &AxNode, name: &str, above: &str) -> Option<String> {
    if node.ignored {
        return None;
    }
    let role = normalized_text(node.role.as_ref());
    if role == "StaticText" {
        return (!name.is_empty() && name != above).then(|| format!("- text {}", quoted(name)));
    }
    if STRUCTURAL_ROLES.contains(&role.as_str()) || role.is_empty() {
        return None;
    }
    let mut line = format!("- {role}");
    if !name.is_empty() {
        line.push(' ');
        line.push_str(&quoted(name));
    }
    let value = normalized_text(node.value.as_ref());
    if !value.is_empty() {
        line.push_str(": ");
        line.push_str(&quoted(&value));
    }
    Some(line)
}

/// Returns the text of a role, a name or a value in an accessibility tree, with each run of whitespace and control
/// characters replaced by one space. Empty for anything but a string, a number or a boolean.
fn normalized_text(value: Option<&AxValue>) -> String {
    match value.map(|value| &value.value) {
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

/// Quotes a text in a snapshot of a browser page as JSON does, cut to [`MAX_NAME_CHARS`].
fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_NAME_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    serde_json::to_string(&short).expect("a string is valid JSON")
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
    fn nodes_are_rendered_by_depth_and_repeated_text_is_left_out() {
        let response = json!({"nodes": [
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
        let snapshot = render(&response, DEFAULT_MAX_LINES);
        assert_eq!(
            (snapshot.text.as_str(), snapshot.lines, snapshot.truncated),
            (expected, 4, false)
        );
        let short = render(&response, 2);
        assert_eq!((short.lines, short.truncated), (2, true));
    }

    #[test]
    fn deeply_nested_page_is_rendered_up_to_the_limit() {
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
        assert_eq!(
            render(&json!({ "nodes": nodes }), DEFAULT_MAX_LINES).lines,
            DEFAULT_MAX_LINES
        );
        assert_eq!(render(&Value::Null, DEFAULT_MAX_LINES).text, "");
    }
}
