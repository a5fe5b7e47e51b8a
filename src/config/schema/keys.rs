//! The keys that the config schemas of the known releases have below a key path.

use std::collections::BTreeSet;

use super::keyword::{Keyword, NodeId};
use super::nodes;
use crate::config::key_path::{KeyPath, PathSegment};
use crate::config::release::Release;

/// Returns the keys that a value at a key path may have by the config schemas of these releases, in alphabetical order.
pub(crate) fn known_keys(path: &KeyPath, releases: &[Release]) -> BTreeSet<&'static str> {
    let mut found: Vec<NodeId> = releases.iter().copied().map(nodes::root).collect();
    for segment in path.segments() {
        found = alternatives(found)
            .into_iter()
            .flat_map(|node| nodes_below(node, segment))
            .collect();
    }
    let keys = |node| {
        nodes::keywords(node).iter().flat_map(|keyword| match keyword {
            Keyword::Properties(known) => known.as_slice(),
            _ => &[],
        })
    };
    let known = alternatives(found).into_iter().flat_map(keys);
    known.map(|(key, _)| key.as_str()).collect()
}

/// Returns schema nodes with all those that are combined in them.
fn alternatives(mut open: Vec<NodeId>) -> BTreeSet<NodeId> {
    let mut all = BTreeSet::new();
    while let Some(node) = open.pop() {
        if !all.insert(node) {
            continue;
        }
        for keyword in nodes::keywords(node) {
            match keyword {
                Keyword::AnyOf(nodes) | Keyword::OneOf(nodes) | Keyword::AllOf(nodes) => open.extend(nodes),
                Keyword::Then(node) => open.push(*node),
                _ => {}
            }
        }
    }
    all
}

/// Returns the nodes of the value at a segment of a key path below a value of this schema node.
fn nodes_below(node: NodeId, segment: &PathSegment) -> Vec<NodeId> {
    let keywords = nodes::keywords(node);
    match segment {
        PathSegment::Index(at) => {
            let element = |keyword: &Keyword| match keyword {
                Keyword::PrefixItems(first) => first.get(*at).copied(),
                Keyword::Items(node) | Keyword::AdditionalItems(node) => Some(*node),
                _ => None,
            };
            keywords.iter().filter_map(element).collect()
        }
        PathSegment::Key(key) => {
            let named = keywords.iter().find_map(|keyword| match keyword {
                Keyword::Properties(known) => known.iter().find(|(known, _)| known == key),
                _ => None,
            });
            let other = || {
                keywords.iter().find_map(|keyword| match keyword {
                    Keyword::AdditionalProperties(node) => Some(*node),
                    _ => None,
                })
            };
            named.map(|(_, node)| *node).or_else(other).into_iter().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_both_releases_are_known_below_records_and_lists_too() {
        let keys = |path: &str| known_keys(&KeyPath::parse(path).unwrap(), &Release::ALL);
        let root = known_keys(&KeyPath::root(), &Release::ALL);
        assert!(root.contains("gateway"));
        let gateway = keys("gateway");
        // The early release has no `customBindHost`, and the late one no `canvasHost` at the top.
        assert!(
            gateway.contains("port") && gateway.contains("customBindHost"),
            "{gateway:?}"
        );
        assert!(root.contains("canvasHost"));
        assert!(!known_keys(&KeyPath::root(), &[Release::Late]).contains("canvasHost"));
        assert!(keys("browser.profiles.work").contains("cdpPort"));
        assert!(keys("agents.list[0]").contains("id"));
        for leaf in ["gateway.port", "nowhere.at.all"] {
            assert_eq!(keys(leaf), BTreeSet::new(), "{leaf}");
        }
    }
}
