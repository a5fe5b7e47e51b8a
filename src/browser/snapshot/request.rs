//! Parses requests for a snapshot of a browser page (docs/openclaw.md#browser-snapshot).

use super::ai::AiOptions;
use crate::browser::Result;
use crate::browser::arguments::{Query, argument_error, query_flag, query_number, query_text};

/// Number of nodes in a list of nodes where the request sets none.
const DEFAULT_NODE_COUNT: usize = 500;
/// Maximum number of nodes in a list of nodes.
const MAX_NODE_COUNT: usize = 2000;
/// Length of a snapshot as text where the request sets none, in characters.
const DEFAULT_MAX_CHARS: usize = 80_000;
/// Length of a snapshot in the mode `efficient` where the request sets none, in characters.
const EFFICIENT_MAX_CHARS: usize = 10_000;
/// Depth of a snapshot in the mode `efficient` where the request sets none.
const EFFICIENT_DEPTH: usize = 6;

/// A request for a snapshot of the page in a browser tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::browser) struct SnapshotRequest {
    /// The tab; `None` for the one that was used last.
    pub(in crate::browser) tab: Option<String>,
    /// The CSS selector of the element to describe; `None` for the whole page.
    pub(super) selector: Option<String>,
    /// The CSS selector of the frame that the element is in; `None` for the page itself.
    pub(super) frame: Option<String>,
    /// The format.
    pub(super) format: SnapshotFormat,
}

/// The format of a snapshot of a browser page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SnapshotFormat {
    /// Text with references to elements, for a language model to read.
    Ai(AiOptions),
    /// A list of nodes.
    Aria {
        /// The maximum number of nodes.
        max_nodes: usize,
    },
}

impl SnapshotFormat {
    /// Returns the name of the snapshot format in requests and responses.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ai(_) => "ai",
            Self::Aria { .. } => "aria",
        }
    }
}

impl SnapshotRequest {
    /// Parses the query of a request for a snapshot of a browser page.
    ///
    /// # Errors
    /// 400 for a parameter that cannot be used.
    pub(in crate::browser) fn parse(query: &Query) -> Result<Self> {
        // No picture with labels is made here; to leave it out without a word would be taken for one without elements.
        if query_flag(query, "labels") == Some(true) {
            return Err(argument_error("labels"));
        }
        let is_efficient = query_text(query, "mode").as_deref() == Some("efficient");
        let format = match query_text(query, "format").as_deref() {
            Some("aria") if is_efficient => return Err(argument_error("mode")),
            Some("aria") => SnapshotFormat::Aria {
                max_nodes: query_number(query, "limit", 1)?
                    .unwrap_or(DEFAULT_NODE_COUNT)
                    .min(MAX_NODE_COUNT),
            },
            _ => SnapshotFormat::Ai(parse_ai_options(query, is_efficient)?),
        };
        Ok(Self {
            tab: query_text(query, "targetId"),
            selector: query_text(query, "selector"),
            frame: query_text(query, "frame"),
            format,
        })
    }
}

/// Parses what a snapshot as text is to contain.
fn parse_ai_options(query: &Query, is_efficient: bool) -> Result<AiOptions> {
    let max_chars = if is_efficient {
        EFFICIENT_MAX_CHARS
    } else {
        DEFAULT_MAX_CHARS
    };
    Ok(AiOptions {
        is_interactive_only: query_flag(query, "interactive").unwrap_or(is_efficient),
        is_compact: query_flag(query, "compact").unwrap_or(is_efficient),
        max_depth: query_number(query, "depth", 0)?.or(is_efficient.then_some(EFFICIENT_DEPTH)),
        has_urls: query_flag(query, "urls").unwrap_or(false),
        max_chars: query_number(query, "maxChars", 1)?.unwrap_or(max_chars),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &[(&str, &str)]) -> Result<SnapshotFormat, u16> {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let request = SnapshotRequest::parse(&query.iter().map(pair).collect());
        request
            .map(|request| request.format)
            .map_err(|error| error.status)
    }

    #[test]
    fn snapshot_is_text_unless_nodes_are_asked_for() {
        let plain = AiOptions {
            is_interactive_only: false,
            is_compact: false,
            max_depth: None,
            has_urls: false,
            max_chars: DEFAULT_MAX_CHARS,
        };
        assert_eq!(parsed(&[]), Ok(SnapshotFormat::Ai(plain.clone())));
        assert_eq!(parsed(&[("format", "ai")]), Ok(SnapshotFormat::Ai(plain.clone())));
        let aria = |max_nodes| Ok(SnapshotFormat::Aria { max_nodes });
        assert_eq!(parsed(&[("format", "aria")]), aria(500));
        assert_eq!(parsed(&[("format", "aria"), ("limit", "9999")]), aria(2000));
        let efficient = AiOptions {
            is_interactive_only: true,
            is_compact: false,
            max_depth: Some(6),
            max_chars: EFFICIENT_MAX_CHARS,
            ..plain
        };
        assert_eq!(
            parsed(&[("mode", "efficient"), ("compact", "false")]),
            Ok(SnapshotFormat::Ai(efficient))
        );
        for query in [
            &[("format", "aria"), ("limit", "0")][..],
            &[("format", "aria"), ("mode", "efficient")],
            &[("labels", "true")],
            &[("depth", "x")],
            &[("maxChars", "0")],
        ] {
            assert_eq!(parsed(query), Err(400), "{query:?}");
        }
    }
}
