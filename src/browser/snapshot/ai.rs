//! A snapshot of a browser page as text for a language model: one line for each node, and a reference behind each
//! element that can be acted on (docs/openclaw.md#browser-snapshot).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::tree::{AxNode, AxTree};
use crate::browser::element_refs::ElementRef;

/// Maximum length of a name or a value of a node in a text snapshot of a browser page, in characters. Longer ones are
/// cut.
const MAX_NAME_CHARS: usize = 300;
/// Maximum length of the URL of a link in a text snapshot of a browser page, in characters: a `data:` URL may hold a film.
const MAX_URL_CHARS: usize = 1000;
/// Number of levels of indentation in a text snapshot of a browser page. Deeper nodes stand at the last one.
const MAX_INDENT: usize = 40;
/// The line below a text snapshot of a browser page that was cut.
const TRUNCATION_MARK: &str = "\n\n[...TRUNCATED - page too large]";
/// Roles of nodes that get no line of their own in a text snapshot of a browser page. A text has one where it is not
/// that of a node above.
const TRANSPARENT_ROLES: [&str; 9] = [
    "",
    "none",
    "generic",
    "ignored",
    "inlinetextbox",
    "labeltext",
    "linebreak",
    "listmarker",
    "menulistpopup",
];
/// Roles of elements that a user can act on.
const INTERACTIVE_ROLES: [&str; 22] = [
    "button",
    "checkbox",
    "colorwell",
    "combobox",
    "date",
    "datetime",
    "disclosuretriangle",
    "inputtime",
    "link",
    "listbox",
    "menuitem",
    "menuitemcheckbox",
    "menuitemradio",
    "option",
    "radio",
    "searchbox",
    "slider",
    "spinbutton",
    "switch",
    "tab",
    "textbox",
    "treeitem",
];
/// Roles of elements that have a reference where they have a name.
const CONTENT_ROLES: [&str; 11] = [
    "article",
    "cell",
    "columnheader",
    "gridcell",
    "heading",
    "img",
    "listitem",
    "main",
    "navigation",
    "region",
    "rowheader",
];
/// Properties of nodes that a text snapshot shows: `[level=1]`, and `[checked]` for `true`.
const SHOWN_PROPERTIES: [&str; 6] = ["checked", "disabled", "expanded", "level", "pressed", "selected"];

/// The options of a snapshot of a browser page as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::browser) struct AiOptions {
    /// `true` to list only elements that a user can act on, without indentation.
    pub(super) is_interactive_only: bool,
    /// `true` to leave out nodes without a reference, a name and a value.
    pub(super) is_compact: bool,
    /// The depth below which nodes are left out.
    pub(super) max_depth: Option<usize>,
    /// `true` to list the URLs of the links at the end.
    pub(super) has_urls: bool,
    /// The maximum number of characters.
    pub(super) max_chars: usize,
}

/// A snapshot of a browser page as text.
#[derive(Debug, Default)]
pub(super) struct AiSnapshot {
    /// The lines.
    pub(super) text: String,
    /// The elements by their references.
    pub(super) elements: BTreeMap<ElementRef, i64>,
    /// The role and the name of each element by its reference, as the response has them.
    pub(super) refs: Map<String, Value>,
    /// `true` when lines were left out because of the limit.
    pub(super) is_truncated: bool,
    /// The number of lines.
    lines: usize,
    /// The number of characters of the lines.
    chars: usize,
    /// The number of elements that a user can act on.
    interactive: usize,
    /// The names and URLs of the links.
    urls: Vec<(String, String)>,
}

/// A node of an accessibility tree that still has to be rendered.
struct PendingNode {
    at: usize,
    depth: usize,
    /// The nearest value or name above the node, which a text does not repeat.
    above: String,
}

impl AiSnapshot {
    /// Returns the numbers of lines, characters and references of a text snapshot, as the response has them.
    pub(super) fn stats(&self) -> Value {
        json!({
            "lines": self.lines,
            "chars": self.text.chars().count(),
            "refs": self.refs.len(),
            "interactive": self.interactive,
        })
    }

    /// Renders a node as a line without its indentation, and gives it a reference where it can be acted on. `None` for
    /// a node that gets no line.
    fn render_node(&mut self, node: &AxNode, name: &str, above: &str, options: &AiOptions) -> Option<String> {
        let role = node.role();
        let is_interactive = INTERACTIVE_ROLES.contains(&role.as_str());
        if node.ignored || options.is_interactive_only && !is_interactive {
            return None;
        }
        if role == "text" {
            return (!name.is_empty() && name != above).then(|| format!("- text: {}", quoted(name)));
        }
        // An element that takes the focus is made to be used, whatever it is.
        let is_focusable = role == "generic" && node.property("focusable") == "true";
        if TRANSPARENT_ROLES.contains(&role.as_str()) && !is_focusable {
            return None;
        }
        let is_named_content = CONTENT_ROLES.contains(&role.as_str()) && !name.is_empty();
        let has_reference = is_interactive || is_focusable || is_named_content || role == "iframe";
        let element = node.element.filter(|_| has_reference);
        let value = node.value();
        if options.is_compact && element.is_none() && name.is_empty() && value.is_empty() {
            return None;
        }
        let mut line = format!("- {role}");
        if !name.is_empty() {
            let _ = write!(line, " {}", quoted(name));
        }
        for property in SHOWN_PROPERTIES {
            match node.property(property).as_str() {
                "" | "false" => {}
                "true" => {
                    let _ = write!(line, " [{property}]");
                }
                value => {
                    let _ = write!(line, " [{property}={value}]");
                }
            }
        }
        if let Some(element) = element {
            let reference = self.add_element(element, &role, name);
            let _ = write!(line, " [ref={reference}]");
            self.interactive += usize::from(is_interactive);
        }
        let url = node.property("url");
        if options.has_urls && role == "link" && !url.is_empty() {
            self.urls.push((name.to_owned(), url));
        }
        if !value.is_empty() {
            let _ = write!(line, ": {}", quoted(&value));
        }
        Some(line)
    }

    /// Gives an element the next reference.
    fn add_element(&mut self, element: i64, role: &str, name: &str) -> ElementRef {
        let reference = ElementRef::new("e", self.elements.len() + 1);
        let mut row = json!({ "role": role });
        if !name.is_empty() {
            row["name"] = name.into();
        }
        self.refs.insert(reference.to_string(), row);
        self.elements.insert(reference.clone(), element);
        reference
    }

    /// Adds a line to the text; `false` where the text would become longer than `max_chars`.
    fn add_line(&mut self, line: &str, max_chars: usize) -> bool {
        let chars = self.chars + line.chars().count() + 1;
        if chars > max_chars {
            self.is_truncated = true;
            return false;
        }
        self.chars = chars;
        self.text.push_str(line);
        self.text.push('\n');
        self.lines += 1;
        true
    }

    /// Ends the text: with a mark where it was cut, and with the URLs of the links.
    fn finish(&mut self, options: &AiOptions) {
        self.text.truncate(self.text.trim_end().len());
        if self.text.is_empty() && !self.is_truncated {
            self.text.push_str(if options.is_interactive_only {
                "(no interactive elements)"
            } else {
                "(empty page)"
            });
        }
        if self.is_truncated {
            self.text.push_str(TRUNCATION_MARK);
        }
        if !self.urls.is_empty() {
            self.text.push_str("\n\nLinks:");
            for (number, (name, url)) in (1..).zip(&self.urls) {
                let url = shortened(url, MAX_URL_CHARS);
                let _ = write!(self.text, "\n{number}. {name} -> {url}");
            }
        }
    }
}

/// Renders an accessibility tree as text.
pub(super) fn render(tree: &AxTree, options: &AiOptions) -> AiSnapshot {
    let mut snapshot = AiSnapshot::default();
    // A stack on the heap in place of a recursion: a page may be nested to any depth.
    let pending = |at: &usize, depth, above: &str| PendingNode {
        at: *at,
        depth,
        above: above.to_owned(),
    };
    let mut stack: Vec<_> = tree
        .roots()
        .iter()
        .rev()
        .map(|root| pending(root, 0, ""))
        .collect();
    while let Some(PendingNode { at, depth, above }) = stack.pop() {
        if options.max_depth.is_some_and(|max| depth > max) {
            continue;
        }
        let node = tree.node(at);
        let name = node.name();
        let line = snapshot.render_node(node, &name, &above, options);
        let below = depth + usize::from(line.is_some());
        if let Some(line) = line {
            let indent = if options.is_interactive_only {
                0
            } else {
                depth.min(MAX_INDENT)
            };
            let line = format!("{}{line}", "  ".repeat(indent));
            if !snapshot.add_line(&line, options.max_chars) {
                break;
            }
        }
        let value = node.value();
        let own = if value.is_empty() { name } else { value };
        let above = if own.is_empty() { above } else { own };
        let children = tree.children(at).iter().rev();
        stack.extend(children.map(|child| pending(child, below, &above)));
    }
    snapshot.finish(options);
    snapshot
}

/// Quotes a text in a snapshot of a browser page as JSON does, cut to [`MAX_NAME_CHARS`].
fn quoted(text: &str) -> String {
    serde_json::to_string(&shortened(text, MAX_NAME_CHARS)).expect("a string is valid JSON")
}

/// Returns a text of a browser page with at most this many characters, and a mark where it was longer.
fn shortened(text: &str, max_chars: usize) -> String {
    let mut short: String = text.chars().take(max_chars).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: AiOptions = AiOptions {
        is_interactive_only: false,
        is_compact: false,
        max_depth: None,
        has_urls: false,
        max_chars: 10_000,
    };

    fn node(id: usize, role: &str, name: &str, children: &[usize]) -> Value {
        json!({
            "nodeId": id.to_string(), "ignored": role == "ignored", "backendDOMNodeId": id + 100,
            "role": {"type": "role", "value": role}, "name": {"type": "computedString", "value": name},
            "childIds": children.iter().map(usize::to_string).collect::<Vec<_>>(),
            "properties": [{"name": "of-tomorrow", "value": {"type": "?"}}],
        })
    }

    fn page() -> AxTree {
        let with = |mut node: Value, key: &str, value: Value| {
            node[key] = value;
            node
        };
        let property = |name: &str, value: Value| json!([{ "name": name, "value": { "value": value } }]);
        AxTree::parse(&json!({"nodes": [
            node(1, "RootWebArea", "A page", &[2, 3, 10]),
            with(node(2, "heading", "Hello", &[4]), "properties", property("level", json!(1))),
            node(4, "StaticText", "Hello", &[]),
            node(3, "generic", "", &[5, 6, 7, 8]),
            node(5, "StaticText", "some \n\u{9b} text", &[]),
            with(node(6, "textbox", "Name", &[]), "value", json!({"value": "Ada \"A\""})),
            with(node(7, "checkbox", "Yes", &[]), "properties", property("checked", json!("true"))),
            with(node(8, "link", "Home", &[]), "properties", property("url", json!("https://a.b/"))),
            node(10, "list", "", &[11]),
            node(11, "listitem", "", &[12]),
            node(12, "StaticText", "one", &[]),
            json!({"broken": true}),
        ]}))
    }

    #[test]
    fn elements_that_can_be_acted_on_have_a_reference_and_repeated_text_is_left_out() {
        let snapshot = render(&page(), &OPTIONS);
        let expected = r#"- document "A page"
  - heading "Hello" [level=1] [ref=e1]
  - text: "some text"
  - textbox "Name" [ref=e2]: "Ada \"A\""
  - checkbox "Yes" [checked] [ref=e3]
  - link "Home" [ref=e4]
  - list
    - listitem
      - text: "one""#;
        assert_eq!(snapshot.text, expected);
        assert_eq!(snapshot.refs["e2"], json!({ "role": "textbox", "name": "Name" }));
        assert_eq!(snapshot.elements[&ElementRef::new("e", 4)], 108);
        let stats = json!({ "lines": 9, "chars": expected.chars().count(), "refs": 4, "interactive": 3 });
        assert_eq!(snapshot.stats(), stats);
        assert!(!snapshot.is_truncated);
    }

    #[test]
    fn interactive_compact_and_depth_leave_lines_out_and_urls_are_added() {
        let text = |options: AiOptions| render(&page(), &options).text;
        let interactive = text(AiOptions {
            is_interactive_only: true,
            has_urls: true,
            ..OPTIONS
        });
        let expected = "- textbox \"Name\" [ref=e1]: \"Ada \\\"A\\\"\"\n- checkbox \"Yes\" [checked] [ref=e2]\n\
                        - link \"Home\" [ref=e3]\n\nLinks:\n1. Home -> https://a.b/";
        assert_eq!(interactive, expected);
        let compact = text(AiOptions {
            is_compact: true,
            ..OPTIONS
        });
        assert!(
            compact.ends_with("[ref=e4]\n  - text: \"one\"") && !compact.contains("list"),
            "{compact}"
        );
        let flat = text(AiOptions {
            max_depth: Some(0),
            ..OPTIONS
        });
        assert_eq!(flat, "- document \"A page\"");
        let empty = AxTree::default();
        assert_eq!(render(&empty, &OPTIONS).text, "(empty page)");
    }

    #[test]
    fn deeply_nested_page_is_rendered_up_to_the_limit() {
        let nodes: Vec<_> = (0..50_000).map(|at| node(at, "group", "", &[at + 1])).collect();
        let snapshot = render(&AxTree::parse(&json!({ "nodes": nodes })), &OPTIONS);
        assert!(snapshot.is_truncated && snapshot.text.ends_with("TRUNCATED - page too large]"));
        assert!(snapshot.text.chars().count() <= OPTIONS.max_chars + TRUNCATION_MARK.len());
    }
}
