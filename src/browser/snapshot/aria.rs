//! A snapshot of a browser page as a list of nodes, for clients that render the accessibility tree themselves.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::tree::AxTree;
use crate::browser::element_refs::ElementRef;

/// The nodes of an accessibility tree as a list.
#[derive(Debug, Default)]
pub(super) struct AriaSnapshot {
    /// The nodes as the response has them: `ref`, `role`, `name`, `depth`, and `value` and `description` where set.
    pub(super) nodes: Vec<Value>,
    /// The elements of the nodes by their references.
    pub(super) elements: BTreeMap<ElementRef, i64>,
    /// `true` when nodes were left out because of the limit.
    pub(super) is_truncated: bool,
}

/// Lists at most `max_nodes` nodes of an accessibility tree, each after its parent.
pub(super) fn list(tree: &AxTree, max_nodes: usize) -> AriaSnapshot {
    let mut snapshot = AriaSnapshot::default();
    let mut pending: Vec<(usize, usize)> = tree.roots().iter().rev().map(|root| (*root, 0)).collect();
    while let Some((at, depth)) = pending.pop() {
        let node = tree.node(at);
        let role = node.role();
        let is_shown = !node.ignored && role != "inlinetextbox";
        if is_shown {
            if snapshot.nodes.len() == max_nodes {
                snapshot.is_truncated = true;
                break;
            }
            let reference = ElementRef::new("ax", snapshot.nodes.len() + 1);
            let mut row =
                json!({ "ref": reference.to_string(), "role": role, "name": node.name(), "depth": depth });
            for (key, text) in [("value", node.value()), ("description", node.description())] {
                if !text.is_empty() {
                    row[key] = text.into();
                }
            }
            if let Some(element) = node.element {
                row["backendDOMNodeId"] = element.into();
                snapshot.elements.insert(reference, element);
            }
            snapshot.nodes.push(row);
        }
        let below = depth + usize::from(is_shown);
        pending.extend(tree.children(at).iter().rev().map(|child| (*child, below)));
    }
    snapshot
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_listed_with_depth_and_reference_up_to_the_limit() {
        let tree = AxTree::parse(&json!({ "nodes": [
            { "nodeId": "1", "role": { "value": "RootWebArea" }, "name": { "value": "A page" },
              "childIds": ["2"], "backendDOMNodeId": 7 },
            { "nodeId": "2", "ignored": true, "role": { "value": "none" }, "childIds": ["3"] },
            { "nodeId": "3", "role": { "value": "textbox" }, "name": { "value": "Name" },
              "value": { "value": "Ada" }, "backendDOMNodeId": 9 },
        ] }));
        let snapshot = list(&tree, 10);
        let expected = json!([
            { "ref": "ax1", "role": "document", "name": "A page", "depth": 0, "backendDOMNodeId": 7 },
            { "ref": "ax2", "role": "textbox", "name": "Name", "value": "Ada", "depth": 1, "backendDOMNodeId": 9 },
        ]);
        assert_eq!(Value::from(snapshot.nodes), expected);
        assert_eq!(snapshot.elements[&ElementRef::new("ax", 2)], 9);
        assert!(!snapshot.is_truncated);
        let short = list(&tree, 1);
        assert_eq!((short.nodes.len(), short.is_truncated), (1, true));
    }
}
