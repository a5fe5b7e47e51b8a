//! Fuzz target for profile names: an accepted name is one plain component of a path, and a name that is suggested for a
//! refused one is accepted itself.

#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use openclaw::profile::{ProfileName, suggest_name};

fuzz_target!(|typed: &str| {
    match ProfileName::parse(typed) {
        Ok(name) => {
            assert!(name.as_str().is_ascii() && !name.as_str().is_empty() && name.as_str().len() <= 64);
            let parts: Vec<_> = Path::new(name.as_str()).components().collect();
            assert!(matches!(parts[..], [Component::Normal(_)]));
            assert_eq!(ProfileName::parse(name.as_str()), Ok(name));
        }
        Err(_) => {
            if let Some(proposed) = suggest_name(typed) {
                assert!(ProfileName::parse(&proposed).is_ok(), "{proposed}");
            }
        }
    }
});
