//! Fuzz target for the config reader and its edits: any text is read or refused, a text that was read is written back byte
//! for byte, and an edit sets its value and nothing else.
//!
//! The input is a key, a value and the text of a config.

#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw::config::document::{ConfigDocument, EditError};
use openclaw::config::judge::ConfigJudge;
use openclaw::config::key_path::KeyPath;
use openclaw::config::{parse_value, secrets};
use serde_json::Value;

fuzz_target!(|input: (&str, &str, &str)| {
    let (key, value, text) = input;
    let Ok(document) = ConfigDocument::parse(text) else {
        return;
    };
    assert_eq!(document.text(), text);

    let _ = ConfigJudge::native().judge(document.value());
    let _ = secrets::redact(&KeyPath::root(), document.value());

    let Ok(path) = KeyPath::parse(key) else { return };
    assert_eq!(KeyPath::parse(&path.to_string()).as_ref(), Ok(&path));
    let value = parse_value(value).unwrap_or_else(|_| Value::from(value));

    let mut edited = document.clone();
    match edited.set(&path, value.clone()) {
        Ok(changed) => {
            assert_eq!(edited.get(&path), Some(&value));
            assert_eq!(changed, edited.text() != text);
            assert_eq!(edited.set(&path, value), Ok(false));
            let read_again = ConfigDocument::parse(edited.text()).expect("an edited text can be read");
            assert_eq!(read_again.value(), edited.value());
            if edited.unset(&path).is_ok() {
                ConfigDocument::parse(edited.text()).expect("an edited text can be read");
            }
        }
        // A refused edit changes nothing.
        Err(
            EditError::UnsafeText | EditError::NotAnObject(_) | EditError::NotAnArray(_) | EditError::IndexOutOfBounds { .. },
        ) => {
            assert_eq!(edited.text(), text);
        }
    }
});
