use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::i18n::Lang;

fn document(text: &str) -> ConfigDocument {
    ConfigDocument::parse(text).unwrap_or_else(|error| panic!("{error:?}\n{text}"))
}

fn path(text: &str) -> KeyPath {
    KeyPath::parse(text).unwrap()
}

/// A config as people write it: comments everywhere, an unknown key, a variable, trailing commas.
const COMMENTED_CONFIG: &str = r#"// the rescue bot
{
  gateway: {
    port: 19_PORT, // do not touch
    "auth": { mode: 'token', token: "${RESCUE_TOKEN}" },
    /* later:
       bind: "lan" */
  },
  // ours
  "x-mine": [1, 0x10, .5, +2,],
  agents: {
    list: [
      { id: "main" }, // first
      { id: "two" },
    ],
  },
}
// end
"#;

fn commented_config() -> String {
    COMMENTED_CONFIG.replace("19_PORT", "19789")
}

#[test]
fn json5_is_read_as_node_reads_it() {
    let read = document(&commented_config());
    assert_eq!(
        *read.value(),
        json!({
            "gateway": { "port": 19789, "auth": { "mode": "token", "token": "${RESCUE_TOKEN}" } },
            "x-mine": [1, 16, 0.5, 2],
            "agents": { "list": [{ "id": "main" }, { "id": "two" }] },
        })
    );
    assert_eq!(
        document("{ a: 1, a: { b: 2 }, a: { c: 3 } }").value(),
        &json!({ "a": { "c": 3 } })
    );
    assert_eq!(
        document("{ true: -0x1F, null: 5., 'a\\\nb': \"\\x41\" }").value()["true"],
        json!(-31)
    );
}

#[test]
fn edit_changes_nothing_else() {
    let mut edited = document(&commented_config());
    assert_eq!(edited.set(&path("gateway.port"), json!(20789)), Ok(true));
    assert_eq!(edited.text(), commented_config().replace("19789", "20789"));

    assert_eq!(
        edited.set(&path("agents.list[1].workspace"), json!("/w")),
        Ok(true)
    );
    assert_eq!(edited.unset(&path("x-mine[1]")), Ok(true));
    assert_eq!(edited.set(&path("gateway.bind"), json!("loopback")), Ok(true));
    for kept in [
        "// the rescue bot",
        "// do not touch",
        "bind: \"lan\" */",
        "// ours",
        "// first",
        "// end",
        "${RESCUE_TOKEN}",
    ] {
        assert!(edited.text().contains(kept), "{kept} is gone from\n{edited}");
    }
    assert_eq!(
        edited.get(&path("agents.list[1]")),
        Some(&json!({ "id": "two", "workspace": "/w" }))
    );
    assert_eq!(edited.get(&path("x-mine")), Some(&json!([1, 0.5, 2])));
}

#[test]
fn equal_value_changes_no_byte() {
    let mut same = document(&commented_config());
    assert_eq!(same.set(&path("gateway.port"), json!(19789)), Ok(false));
    assert_eq!(same.set(&path("x-mine"), json!([1, 16, 0.5, 2])), Ok(false));
    let merged = same.edit(|root| {
        let gateway = find_or_create(root, &path("gateway"), DigitKeys::Names)?;
        merge(gateway, json!({ "auth": { "mode": "token" } }));
        Ok(())
    });
    assert_eq!(merged, Ok(false));
    assert_eq!(same.unset(&path("gateway.nothing.here")), Ok(false));
    assert_eq!(same.text(), commented_config());
}

#[test]
fn last_of_a_duplicate_key_is_changed_and_all_are_removed() {
    let mut twice = document("{ a: 1, b: 0, 'a': 2 }");
    twice.set(&path("a"), json!(3)).unwrap();
    assert_eq!(twice.text(), "{ a: 1, b: 0, 'a': 3 }");
    twice.unset(&path("a")).unwrap();
    assert_eq!(twice.value(), &json!({ "b": 0 }));
}

#[test]
fn indentation_line_ends_and_byte_order_mark_are_kept() {
    let tabs = "{\r\n\t\"a\": {\r\n\t\t\"b\": 1,\r\n\t},\r\n}\r\n";
    let mut edited = document(tabs);
    edited.set(&path("a.c.d"), json!(true)).unwrap();
    assert_eq!(
        edited.text(),
        "{\r\n\t\"a\": {\r\n\t\t\"b\": 1,\r\n\t\t\"c\": {\r\n\t\t\t\"d\": true,\r\n\t\t},\r\n\t},\r\n}\r\n"
    );
    let mut marked = document("\u{feff}{ \"a\": 1 }");
    marked.set(&path("a"), json!(2)).unwrap();
    assert_eq!(marked.text(), "\u{feff}{ \"a\": 2 }");
}

#[test]
fn new_config_is_plain_json() {
    let mut new = ConfigDocument::empty();
    let wanted = json!({ "gateway": { "mode": "local", "port": 19789 }, "meta": { "lastTouchedVersion": "2026.1.30" } });
    new.set(&KeyPath::root(), wanted.clone()).unwrap();
    assert_eq!(
        new.text(),
        format!("{}\n", serde_json::to_string_pretty(&wanted).unwrap())
    );
}

#[test]
fn error_names_the_value_that_is_in_the_way() {
    let mut document = document("{ gateway: { port: 1 }, list: [0] }");
    let mut refused = |at: &str| document.set(&path(at), json!(1)).unwrap_err();
    assert_eq!(
        refused("gateway.port.deep"),
        EditError::NotAnObject(path("gateway.port"))
    );
    assert_eq!(refused("gateway[0]"), EditError::NotAnArray(path("gateway")));
    assert_eq!(refused("list.name"), EditError::NotAnObject(path("list")));
    assert_eq!(
        refused("list[2]"),
        EditError::IndexOutOfBounds {
            path: path("list"),
            len: 1
        }
    );
    assert_eq!(
        document.set(&KeyPath::root(), json!(1)),
        Err(EditError::NotAnObject(KeyPath::root()))
    );
    assert_eq!(document.set(&path("list.1"), json!("next")), Ok(true));
    assert_eq!(document.get(&path("list")), Some(&json!([0, "next"])));
}

#[test]
fn value_that_nests_too_deep_is_refused() {
    let mut value = json!(1);
    for _ in 0..300 {
        value = json!([value]);
    }
    let mut document = ConfigDocument::empty();
    assert_eq!(document.set(&path("a"), value), Err(EditError::UnsafeText));
    assert_eq!(document, ConfigDocument::empty());
}

#[test]
fn broken_texts_are_refused_with_line_and_column() {
    let unclosed = "{\n  gateway: {\n    port: 1,\n";
    for (text, position, why) in [
        ("", None, "config.fault-empty"),
        (" // nothing\n", None, "config.fault-empty"),
        ("\u{feff}", None, "config.fault-empty"),
        ("[1]", Some((1, 1)), "config.fault-root"),
        ("\u{feff} 7", Some((1, 2)), "config.fault-root"),
        (unclosed, Some((2, 12)), "config.fault-unclosed"),
        ("{ a: 1 b: 2 }", Some((1, 7)), "config.fault-comma"),
        ("{ a 1 }", Some((1, 5)), "config.fault-colon"),
        ("{ a: }", Some((1, 6)), "config.fault-unexpected"),
        ("{ a: 'ş\n', }", Some((1, 6)), "config.fault-string"),
        ("{ a: \"x", Some((1, 6)), "config.fault-string"),
        ("{ a: '\\8' }", Some((1, 7)), "config.fault-escape"),
        ("{ /* a: 1 }", Some((1, 3)), "config.fault-comment"),
        ("{\r\n  a: Infinity }", Some((2, 6)), "config.fault-number"),
        ("{ a: -NaN }", Some((1, 6)), "config.fault-number"),
        ("{ a: 1e999 }", Some((1, 6)), "config.fault-number"),
        ("{ a-b: 1 }", Some((1, 3)), "config.fault-key"),
        ("{ 1: 1 }", Some((1, 3)), "config.fault-key"),
        ("{ a: yes }", Some((1, 6)), "config.fault-bare"),
        ("{} {}", Some((1, 4)), "config.fault-rest"),
        ("{ a: [1,,2] }", Some((1, 9)), "config.fault-unexpected"),
    ] {
        let error = ConfigDocument::parse(text).expect_err(text);
        assert_eq!((error.position, error.why.key()), (position, why), "{text:?}");
        for lang in Lang::all() {
            assert_ne!(error.why.render(lang), why, "{lang:?}");
        }
    }
}

#[test]
fn error_does_not_repeat_a_token_whose_quotes_were_forgotten() {
    for value in [
        "SEEDED",
        "SEED-ED",
        "0xSEEDED",
        "[SEEDED]",
        "7e999",
        "0xfedcba98765432100",
    ] {
        let error = ConfigDocument::parse(&format!("{{ token: {value} }}")).expect_err(value);
        for lang in Lang::all() {
            let message = error.why.render(lang);
            assert!(
                !message.contains("SEED") && !message.contains("7e9") && !message.contains("fedc"),
                "{message}"
            );
        }
    }
}

#[test]
fn deep_nesting_is_refused_and_overflows_no_stack() {
    for (open, count) in [("[", 10_000), ("{a:", 10_000), ("[{a:", 1_000_000)] {
        let error = ConfigDocument::parse(&open.repeat(count)).unwrap_err();
        assert_eq!(error.why.key(), "config.fault-depth");
    }
    // Brackets in texts and comments are no depth, and closed ones do not add up.
    document(&format!(
        "{{ a: '{0}', /* {0} */ b: [{1}] }}",
        "[".repeat(1000),
        "[],".repeat(1000)
    ));
    document(&format!("{{ a: {}1{} }}", "[".repeat(255), "]".repeat(255)));
}

#[test]
fn bytes_that_are_no_utf8_are_located() {
    let error = crate::config::parse_bytes(b"{\n  a: '\xff' }".to_vec()).unwrap_err();
    assert_eq!(
        (error.position, error.why.key()),
        (Some((2, 7)), "config.fault-encoding")
    );
}

/// Generates any tree of JSON, with keys and texts that need escapes, and `${VAR}`.
fn tree() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        ".{0,8}",
        Just("${HOME}".to_owned()),
        Just("a\u{2028}\"\\\n".to_owned())
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no other", |n| n.is_finite())
            .prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            object(inner)
        ]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let key = prop_oneof!["[a-e]", ".{0,4}"];
    proptest::collection::vec((key, inner), 0..5)
        .prop_map(|entries| Value::Object(entries.into_iter().collect()))
}

/// Writes a value as a person might: with blanks, line ends and numbered comments wherever they are allowed.
struct CommentedWriter {
    /// The kinds of the next gaps, over and over.
    style: Vec<u8>,
    gaps: usize,
    comments: usize,
    out: String,
}

impl CommentedWriter {
    fn write(value: &Value, style: Vec<u8>) -> Self {
        let mut writer = Self {
            style,
            gaps: 0,
            comments: 0,
            out: String::new(),
        };
        writer.gap();
        writer.value(value);
        writer.gap();
        writer
    }

    fn gap(&mut self) {
        self.gaps += 1;
        let style = self.style[self.gaps % self.style.len()];
        match style % 8 {
            0 => self.out.push(' '),
            1 => self.out.push_str("\n  "),
            2 => self.out.push_str("\r\n\t"),
            comment @ (3 | 4) => {
                self.comments += 1;
                let (open, close) = if comment == 3 {
                    ("/*", "*/")
                } else {
                    (
                        "//", "
 ",
                    )
                };
                for part in [open, " note ", &self.comments.to_string(), "; ", close] {
                    self.out.push_str(part);
                }
            }
            _ => {}
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(map) => self.list('{', '}', map.iter(), |writer, (key, value)| {
                writer.out.push_str(&Value::from(key.as_str()).to_string());
                writer.gap();
                writer.out.push(':');
                writer.gap();
                writer.value(value);
            }),
            Value::Array(elements) => self.list('[', ']', elements.iter(), Self::value),
            leaf => self.out.push_str(&leaf.to_string()),
        }
    }

    fn list<T>(
        &mut self,
        open: char,
        close: char,
        items: impl ExactSizeIterator<Item = T>,
        one: impl Fn(&mut Self, T),
    ) {
        let count = items.len();
        self.out.push(open);
        self.gap();
        for (at, item) in items.enumerate() {
            one(self, item);
            self.gap();
            if at + 1 < count || self.style[0].is_multiple_of(2) {
                self.out.push(',');
                self.gap();
            }
        }
        self.out.push(close);
    }
}

/// Collects the paths of all objects of a value, and of all its leaves.
fn collect_paths(value: &Value, at: &KeyPath, objects: &mut Vec<KeyPath>, leaves: &mut Vec<KeyPath>) {
    match value {
        Value::Object(map) => {
            objects.push(at.clone());
            map.iter()
                .for_each(|(key, value)| collect_paths(value, &at.child(key), objects, leaves));
        }
        Value::Array(list) => {
            list.iter()
                .enumerate()
                .for_each(|(index, value)| collect_paths(value, &at.index(index), objects, leaves));
        }
        _ => leaves.push(at.clone()),
    }
}

fn styles() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 1..12)
}

proptest! {
    #[test]
    fn any_value_is_read_back_whatever_its_layout(tree in object(tree()), style in styles()) {
        let text = CommentedWriter::write(&tree, style).out;
        let read = document(&text);
        prop_assert_eq!(read.text(), text.as_str());
        prop_assert_eq!(read.value(), &tree);
    }

    #[test]
    fn set_value_is_returned_by_get(before in object(tree()), style in styles(), keys in proptest::collection::vec("[a-e]", 1..4), value in tree()) {
        let mut edited = document(&CommentedWriter::write(&before, style).out);
        let at = KeyPath::keys(keys);
        match edited.set(&at, value.clone()) {
            Ok(changed) => {
                prop_assert_eq!(edited.get(&at), Some(&value));
                prop_assert_eq!(changed, edited.value() != &before);
                prop_assert_eq!(edited.set(&at, value), Ok(false));
                prop_assert_eq!(edited.unset(&at), Ok(true));
                prop_assert_eq!(edited.get(&at), None);
            }
            Err(EditError::NotAnObject(_)) => prop_assert_eq!(edited.value(), &before),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn comments_and_the_rest_survive_an_edit(
        before in object(tree()), style in styles(), pick in any::<prop::sample::Index>(), value in tree(),
    ) {
        let writer = CommentedWriter::write(&before, style);
        let (mut objects, mut leaves) = (Vec::new(), Vec::new());
        collect_paths(&before, &KeyPath::root(), &mut objects, &mut leaves);
        // A key that none of the trees has, so that it is new, or a leaf that is changed.
        leaves.extend(objects.iter().map(|object| object.child("new key")));
        let at = pick.get(&leaves);

        let mut edited = document(&writer.out);
        edited.set(at, value.clone()).map_err(|e| TestCaseError::fail(format!("{e}: {at}\n{}", writer.out)))?;
        for number in 1..=writer.comments {
            let note = format!("note {number};");
            prop_assert_eq!(edited.text().matches(&note).count(), 1, "{} in\n{}\nfrom\n{}", note, edited.text(), writer.out);
        }
        let mut expected = before.clone();
        *find_or_create(&mut expected, at, DigitKeys::Names).unwrap() = value;
        prop_assert_eq!(edited.value(), &expected);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]{}:,\"'/*\\\\\n a1.+-eN]{0,40}|.{0,40}") {
        let _ = ConfigDocument::parse(&text);
    }
}
