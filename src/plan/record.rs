//! The record that this program keeps in each state folder: `instance.toml`.
//!
//! OpenClaw's own config is strict, so what only we know (engine, language, the port that was reserved)
//! stands beside it. Keys that a later version may add are kept.

use toml::{Table, Value};

/// The text of the record; `before` is what stands there, whose other keys stay.
///
/// # Panics
/// Never: a table of texts and numbers is always a text.
pub fn text(before: Option<&str>, profile: &str, language: &str, base: u16) -> String {
    let mut table: Table = before.and_then(|text| text.parse().ok()).unwrap_or_default();
    table.insert("version".to_owned(), Value::Integer(1));
    table.insert("profile".to_owned(), profile.into());
    // A choice made before stands: onboarding again does not take an engine or a language away.
    table.entry("engine").or_insert_with(|| "native".into());
    table.entry("language").or_insert_with(|| language.into());
    let ports = table.entry("ports").or_insert_with(|| Value::Table(Table::new()));
    if let Some(ports) = ports.as_table_mut() {
        ports.insert("base".to_owned(), i64::from(base).into());
    }
    toml::to_string(&table).expect("a table of texts and numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_time_changes_nothing_and_other_keys_stay() {
        let first = text(None, "rescue", "tr", 19789);
        assert_eq!(text(Some(&first), "rescue", "en", 19789), first);
        let more = format!("bootFallback = \"last-good\"\n{first}");
        assert!(text(Some(&more), "rescue", "tr", 20789).contains("bootFallback"));
    }
}
