//! `instance.toml` as a document: typed setters that leave comments, order, and unknown keys as they are.
//! Pure: bytes in, text out. Callers write the text through `apply`.

use std::fmt;
use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, TableLike};

use super::{Engine, Record, RecordError, ReleaseVersion};
use crate::host::read::{self, ReadError};
use crate::ports::{BasePort, Port};
use crate::toml_document::{TomlError, parse, parse_document, set_value};

/// Version of the `instance.toml` format that this program writes.
const RECORD_VERSION: i64 = 1;

/// An `instance.toml` to be edited; its [`fmt::Display`] is the text of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordDocument {
    document: DocumentMut,
}

impl RecordDocument {
    /// Parses the bytes of an `instance.toml` that is to be edited; no bytes make an empty file.
    ///
    /// # Errors
    /// The bytes aren't a valid [`Record`].
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, TomlError> {
        parse::<Record>(bytes)?;
        let document = parse_document(bytes)?;
        Ok(Self { document })
    }

    /// Reads the `instance.toml` at a path to edit it. A missing file gives a new record of `profile`.
    ///
    /// # Errors
    /// The file can't be read, or isn't a valid [`Record`].
    pub(crate) fn read_or_new(path: &Path, profile: &str) -> Result<Self, RecordError> {
        match read::bytes(path) {
            Ok(bytes) => Ok(Self::parse(&bytes)?),
            Err(ReadError::Missing) => {
                let mut new = Self::default();
                new.set_identity(profile);
                Ok(new)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Records in `instance.toml` what onboarding decided: engine, language, profile and base port. Without a decision about
    /// the engine, one that was chosen before stays, and so does a language.
    pub(crate) fn set_onboarded(
        &mut self,
        profile: &str,
        language: &str,
        base: BasePort,
        engine: Option<(Engine, Option<&ReleaseVersion>)>,
    ) {
        if let Some((engine, release)) = engine {
            self.set_engine(engine, release);
        }
        for (key, value) in [("engine", Engine::default().name()), ("language", language)] {
            if !self.document.contains_key(key) {
                set_value(self.document.as_table_mut(), key, value);
            }
        }
        self.set_identity(profile);
        set_value(
            table(self.document.as_table_mut(), "ports"),
            "base",
            i64::from(base.get()),
        );
    }

    /// Records the engine of an instance in `instance.toml`, and the release of OpenClaw that it runs, where it is one.
    pub(crate) fn set_engine(&mut self, engine: Engine, release: Option<&ReleaseVersion>) {
        let root = self.document.as_table_mut();
        set_value(root, "engine", engine.name());
        match release {
            Some(version) => set_value(root, "release", version.as_str()),
            None => {
                root.remove("release");
            }
        }
    }

    /// Records whether upgrades leave the release of an instance as it is.
    pub(crate) fn set_pinned(&mut self, is_pinned: bool) {
        let root = self.document.as_table_mut();
        if is_pinned {
            set_value(root, "pinned", true);
        } else {
            root.remove("pinned");
        }
    }

    /// Sets the instance profile and the version of the format in an `instance.toml`.
    fn set_identity(&mut self, profile: &str) {
        set_value(self.document.as_table_mut(), "profile", profile);
        set_value(self.document.as_table_mut(), "version", RECORD_VERSION);
    }

    /// Records the profiles that the gateway watches and repairs in an `instance.toml`.
    pub(crate) fn set_watched(&mut self, profiles: &[String]) {
        let list: toml_edit::Array = profiles.iter().collect();
        let list = toml_edit::Value::from(list);
        set_value(table(self.document.as_table_mut(), "rescue"), "watch", list);
    }

    /// Records the CDP port of a browser profile, and its colour where one is given.
    pub(crate) fn set_browser_profile(&mut self, name: &str, port: Port, color: Option<&str>) {
        let browser = table(self.document.as_table_mut(), "browser");
        set_value(table(browser, "ports"), name, i64::from(port));
        if let Some(color) = color {
            set_value(table(browser, "colors"), name, color);
        }
    }

    /// Removes the port and the colour of a browser profile from an `instance.toml`, and the tables that have nothing
    /// left in them.
    pub(crate) fn remove_browser_profile(&mut self, name: &str) {
        let root = self.document.as_table_mut();
        let Some(browser) = root.get_mut("browser").and_then(Item::as_table_like_mut) else {
            return;
        };
        for key in ["ports", "colors"] {
            if let Some(entries) = browser.get_mut(key).and_then(Item::as_table_like_mut) {
                entries.remove(name);
            }
            remove_if_empty(browser, key);
        }
        remove_if_empty(root, "browser");
    }

    /// Removes from an `instance.toml` the ports of browsers, which another host chooses anew.
    pub(crate) fn remove_browser_ports(&mut self) {
        let root = self.document.as_table_mut();
        if let Some(browser) = root.get_mut("browser").and_then(Item::as_table_like_mut) {
            browser.remove("ports");
        }
        remove_if_empty(root, "browser");
    }

    /// Removes from an `instance.toml` the tables that an imported instance does not take over from its original: the
    /// ports of its browsers and the instances that it watches.
    pub(crate) fn remove_host_bindings(&mut self) {
        self.document.remove("browser");
        self.document.remove("rescue");
    }
}

impl fmt::Display for RecordDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.document.fmt(f)
    }
}

/// Returns the TOML table of a key of an `instance.toml`, which is created where it is missing. The header of a new
/// table is written only where it has values of its own.
///
/// # Panics
/// Never: [`RecordDocument::parse`] refuses any other type there.
fn table<'a>(parent: &'a mut dyn TableLike, key: &str) -> &'a mut dyn TableLike {
    let new = || {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    };
    parent
        .entry(key)
        .or_insert_with(new)
        .as_table_like_mut()
        .expect("the typed record has tables here")
}

/// Removes the table of a key from an `instance.toml` where the table has no entries.
fn remove_if_empty(parent: &mut dyn TableLike, key: &str) {
    let is_empty = |item: &Item| item.as_table_like().is_some_and(TableLike::is_empty);
    if parent.get(key).is_some_and(is_empty) {
        parent.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> RecordDocument {
        RecordDocument::parse(text.as_bytes()).unwrap()
    }

    fn port(number: u16) -> Port {
        Port::new(number).unwrap()
    }

    fn onboarded(text: &str, base: u16) -> String {
        let mut document = document(text);
        document.set_onboarded("rescue", "tr", BasePort::new(base).unwrap(), None);
        document.to_string()
    }

    #[test]
    fn new_record_has_every_key_that_onboarding_decides() {
        assert_eq!(
            onboarded("", 19789),
            "engine = \"native\"\nlanguage = \"tr\"\nprofile = \"rescue\"\nversion = 1\n\n[ports]\nbase = 19789\n"
        );
    }

    #[test]
    fn onboarding_again_changes_nothing_and_keeps_comments_order_and_unknown_keys() {
        let text = "# my note\nengine = 'node' # not native\nfuture = { x = 1 }\nlanguage = \"en\"\nprofile = 'rescue'\n\
                    version = 1\n\n# the base\n[ports]\nbase = 19_789 # mine\n\n[rescue]\nwatch = ['default'] # main\n# end\n";
        assert_eq!(onboarded(text, 19789), text);
        assert_eq!(onboarded(text, 20789), text.replace("19_789", "20789"));
    }

    #[test]
    fn inline_and_dotted_tables_are_edited_in_place() {
        assert!(
            onboarded("ports = { base = 1 } # inline\n", 19789)
                .starts_with("ports = { base = 19789 } # inline\n")
        );
        assert!(onboarded("ports.base = 1 # dotted\n", 19789).starts_with("ports.base = 19789 # dotted\n"));
    }

    #[test]
    fn record_with_values_of_wrong_types_is_an_error() {
        for text in [
            "ports = 1",
            "engine = 'deno'",
            "[browser]\nports = []",
            "[ports]\nbase = 70000",
            "a = ",
        ] {
            assert!(RecordDocument::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn browser_profile_is_recorded_and_removed_without_touching_other_keys() {
        let before =
            "version = 1\nengine = \"node\" # why\n\n[browser]\nmine = true\n\n[rescue]\nwatch = [\"a\"]\n";
        let mut edited = document(before);
        edited.set_browser_profile("openclaw", port(19800), None);
        edited.set_browser_profile("work", port(19801), Some("#0066CC"));
        let record = Record::parse(&edited.to_string()).unwrap();
        assert_eq!(record.browser.ports["openclaw"], 19800);
        assert_eq!(record.browser.colors["work"], "#0066CC");
        edited.remove_browser_profile("work");
        edited.remove_browser_profile("openclaw");
        assert_eq!(edited.to_string(), before);
    }

    #[test]
    fn table_that_only_the_browser_profile_needed_is_removed_with_it() {
        let mut edited = document("version = 1\n");
        edited.set_browser_profile("openclaw", port(19800), Some("#0066CC"));
        assert_eq!(
            edited.to_string(),
            "version = 1\n\n[browser.ports]\nopenclaw = 19800\n\n[browser.colors]\nopenclaw = \"#0066CC\"\n"
        );
        edited.remove_browser_profile("openclaw");
        assert_eq!(edited.to_string(), "version = 1\n");
    }

    #[test]
    fn imported_record_keeps_the_tables_that_are_not_bound_to_the_original() {
        let mut imported = document(
            "# note\nengine = 'node'\n[browser.ports]\nx = 1\n[gateway]\nbootFallback = 'off'\n[rescue]\nwatch = ['a']\n",
        );
        imported.remove_host_bindings();
        assert_eq!(
            imported.to_string(),
            "# note\nengine = 'node'\n[gateway]\nbootFallback = 'off'\n"
        );
    }
}
