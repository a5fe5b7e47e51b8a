//! The nodes of both config schemas, which `build.rs` writes as JSON. A node is decoded when a config is first judged by
//! it: a program that judges no config reads none of them.

use std::sync::OnceLock;

use super::keyword::{Keyword, NodeId};
use crate::config::release::Release;
use index::{EARLY_ROOT, LATE_ROOT, NODE_ENDS};

/// The numbers of the root nodes, and the offsets at which the nodes end in [`NODE_TEXTS`].
#[expect(
    clippy::unreadable_literal,
    reason = "a program writes the offsets, and nobody reads them"
)]
mod index {
    use crate::config::schema::keyword::NodeId;
    include!(concat!(env!("OUT_DIR"), "/config_schema.rs"));
}

/// The nodes as JSON, one after the other.
static NODE_TEXTS: &str = include_str!(concat!(env!("OUT_DIR"), "/config_schema.json"));

/// The nodes that are decoded already.
static NODES: [OnceLock<Vec<Keyword>>; NODE_ENDS.len()] = [const { OnceLock::new() }; NODE_ENDS.len()];

/// Returns the node of a whole config as a release accepts it.
pub(super) fn root(release: Release) -> NodeId {
    match release {
        Release::Early => EARLY_ROOT,
        Release::Late => LATE_ROOT,
    }
}

/// Returns the conditions of a schema node.
pub(super) fn keywords(node: NodeId) -> &'static [Keyword] {
    // A test decodes every node.
    NODES[node].get_or_init(|| serde_json::from_str(node_text(node)).unwrap_or_default())
}

fn node_text(node: NodeId) -> &'static str {
    let start = node.checked_sub(1).map_or(0, |before| NODE_ENDS[before]);
    &NODE_TEXTS[start as usize..NODE_ENDS[node] as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex_lite::Regex;

    #[test]
    fn every_node_is_decoded_and_every_pattern_compiles() {
        let mut patterns = 0;
        for node in 0..NODE_ENDS.len() {
            let keywords: Vec<Keyword> = serde_json::from_str(node_text(node)).unwrap_or_else(|error| {
                panic!("{}: {error}", node_text(node));
            });
            for keyword in &keywords {
                if let Keyword::Pattern(pattern) = keyword {
                    for source in pattern.refused.iter().chain([&pattern.found]) {
                        Regex::new(source).unwrap_or_else(|error| panic!("{source}: {error}"));
                        patterns += 1;
                    }
                }
            }
        }
        assert!(
            NODE_ENDS.len() > 1000 && patterns > 20,
            "{} {patterns}",
            NODE_ENDS.len()
        );
    }
}
