//! The accessibility tree of a browser page, from the response to `Accessibility.getFullAXTree`.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

/// A node of a browser page's accessibility tree, with the fields that are used here.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AxNode {
    #[serde(rename = "nodeId")]
    id: String,
    #[serde(default)]
    pub(super) ignored: bool,
    role: Option<AxValue>,
    name: Option<AxValue>,
    value: Option<AxValue>,
    description: Option<AxValue>,
    #[serde(default)]
    properties: Vec<AxProperty>,
    #[serde(default)]
    child_ids: Vec<String>,
    #[serde(rename = "backendDOMNodeId")]
    pub(super) element: Option<i64>,
    /// The positions of the children in the tree.
    #[serde(skip)]
    children: Vec<usize>,
}

/// A role, a name or a value of a node in a browser's accessibility tree.
#[derive(Clone, Debug, Deserialize)]
struct AxValue {
    #[serde(default)]
    value: Value,
}

/// A property of a node in a browser's accessibility tree, such as `checked`.
#[derive(Clone, Debug, Deserialize)]
struct AxProperty {
    name: String,
    value: AxValue,
}

/// The accessibility tree of a browser page or a part of it. A node is named by its position.
#[derive(Clone, Debug, Default)]
pub(super) struct AxTree {
    nodes: Vec<AxNode>,
    roots: Vec<usize>,
}

impl AxNode {
    /// Returns the role of a node as ARIA names it, such as `button`.
    pub(super) fn role(&self) -> String {
        let role = normalized_text(self.role.as_ref());
        match role.as_str() {
            "RootWebArea" => "document".to_owned(),
            "StaticText" => "text".to_owned(),
            "image" => "img".to_owned(),
            _ => role.to_ascii_lowercase(),
        }
    }

    /// Returns the name of a node, such as the label of a button.
    pub(super) fn name(&self) -> String {
        normalized_text(self.name.as_ref())
    }

    /// Returns the value of a node, such as the text in an input field.
    pub(super) fn value(&self) -> String {
        normalized_text(self.value.as_ref())
    }

    /// Returns the description of a node in an accessibility tree.
    pub(super) fn description(&self) -> String {
        normalized_text(self.description.as_ref())
    }

    /// Returns a property of a node as text, such as `true` for `checked`; empty where the node does not have it.
    pub(super) fn property(&self, name: &str) -> String {
        let found = self.properties.iter().find(|property| property.name == name);
        normalized_text(found.map(|property| &property.value))
    }
}

impl AxTree {
    /// Parses the response to `Accessibility.getFullAXTree`. Nodes of an unknown form are left out.
    pub(super) fn parse(response: &Value) -> Self {
        let nodes = response.get("nodes").and_then(Value::as_array);
        let mut nodes: Vec<AxNode> = nodes
            .into_iter()
            .flatten()
            .filter_map(|node| AxNode::deserialize(node).ok())
            .collect();
        let positions: HashMap<String, usize> = (0..)
            .zip(&nodes)
            .map(|(at, node)| (node.id.clone(), at))
            .collect();
        // Each node has one parent, so that a tree of an unknown form has no circle.
        let mut has_parent = vec![false; nodes.len()];
        for node in &mut nodes {
            for id in std::mem::take(&mut node.child_ids) {
                if let Some(at) = positions.get(&id)
                    && !std::mem::replace(&mut has_parent[*at], true)
                {
                    node.children.push(*at);
                }
            }
        }
        let roots = (0..nodes.len()).filter(|at| !has_parent[*at]).collect();
        Self { nodes, roots }
    }

    /// Returns the positions of the nodes at the top of the tree.
    pub(super) fn roots(&self) -> &[usize] {
        &self.roots
    }

    /// Returns a node of the tree.
    pub(super) fn node(&self, at: usize) -> &AxNode {
        &self.nodes[at]
    }

    /// Returns the positions of the children of a node.
    pub(super) fn children(&self, at: usize) -> &[usize] {
        &self.nodes[at].children
    }

    /// Makes the node of an element the only one at the top of the tree; `false` where the element has no node.
    pub(super) fn narrow_to(&mut self, element: i64) -> bool {
        let found = self.nodes.iter().position(|node| node.element == Some(element));
        self.roots = found.into_iter().collect();
        found.is_some()
    }

    /// Returns the positions of the nodes with this role.
    pub(super) fn with_role(&self, role: &str) -> Vec<usize> {
        let has_role = |at: &usize| !self.nodes[*at].ignored && self.nodes[*at].role() == role;
        (0..self.nodes.len()).filter(has_role).collect()
    }

    /// Adds the tree of a frame below the node of the frame.
    pub(super) fn add_frame(&mut self, at: usize, frame: Self) {
        let offset = self.nodes.len();
        self.nodes[at]
            .children
            .extend(frame.roots.iter().map(|root| root + offset));
        self.nodes.extend(frame.nodes.into_iter().map(|mut node| {
            for child in &mut node.children {
                *child += offset;
            }
            node
        }));
    }
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
