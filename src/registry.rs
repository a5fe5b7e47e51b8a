//! The registry: a TOML file with every instance of this user on this host that this program has set up.
//!
//! Through it a survey finds instances with custom state folders, which no scan of `~` finds, and the ports of instances
//! whose config is gone. It lies in the state home; its text is written through `apply` only. An edit leaves comments,
//! order, and unknown keys as they are.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde::Deserialize;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};

use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::read::{self, ReadError};
use crate::i18n::msg;
use crate::toml_document::{self, TomlError, array_of_tables, set_value};

mod entry;
mod plain;

pub(crate) use entry::RegistryEntry;
use entry::VERSION;
use plain::PlainEntry;

/// Name of the file of the registry of instances, in the state home (`~/.local/state/openclaw` on Linux).
pub(crate) const REGISTRY_FILE: &str = "registry.toml";
/// Key of the list of instances in the registry file.
const ENTRIES_KEY: &str = "instance";

/// Returns the state home: the folder for files of this program that belong to no single instance.
///
/// `$XDG_STATE_HOME/openclaw` where that is absolute, `%LOCALAPPDATA%\openclaw` on Windows; beside a home of OpenClaw's own
/// (`OPENCLAW_HOME`) and everywhere else `~/.local/state/openclaw`.
pub(crate) fn state_home(host: &Host, env: &Environment) -> PathBuf {
    let in_home = env.home.join(".local").join("state").join("openclaw");
    match host.state_home_of(&env.home) {
        Some(base) if cfg!(windows) => earlier_state_home(base.join("openclaw"), in_home),
        Some(base) => base.join("openclaw"),
        None => in_home,
    }
}

/// Returns the state home where an earlier version of this program has left one on Windows, and none is at the system's own
/// place: what it holds would be lost otherwise.
fn earlier_state_home(systems: PathBuf, in_home: PathBuf) -> PathBuf {
    if !systems.exists() && in_home.is_dir() {
        in_home
    } else {
        systems
    }
}

/// The registry of this user's instances as it was read: its entries, and its bytes, of which an edit makes new ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    /// Path of the file.
    pub(crate) path: PathBuf,
    /// Bytes of the file as they were read; `None` where there is no file yet.
    pub(crate) before: Option<Vec<u8>>,
    /// The instances, in the order of the file.
    pub(crate) entries: Vec<RegistryEntry>,
    /// Reason why the file can't be understood; it is never overwritten then.
    pub(crate) fault: Option<TomlError>,
}

/// The registry of a host, which is read as soon as somebody asks for it: it has all instances, and a command about one
/// needs it in rare cases only.
#[derive(Clone, Debug, Default)]
pub(crate) struct LazyRegistry {
    path: PathBuf,
    read: Arc<OnceLock<Registry>>,
}

impl LazyRegistry {
    /// Returns the registry in a state home, which is not read yet.
    pub(crate) fn new(state_home: &Path) -> Self {
        Self {
            path: state_home.join(REGISTRY_FILE),
            read: Arc::default(),
        }
    }

    /// Returns the registry as it was when it was first asked for.
    pub(crate) fn get(&self) -> &Registry {
        self.read.get_or_init(|| Registry::read(&self.path))
    }
}

/// Typed form of the file of the registry of instances.
#[derive(Default, Deserialize)]
struct RegistryFile {
    version: u32,
    #[serde(default, rename = "instance")]
    instances: Vec<RegistryEntry>,
}

impl Registry {
    /// Reads the registry of instances at a path. A file that can't be read is a registry with a [`Self::fault`].
    pub(crate) fn read(path: &Path) -> Self {
        match read::bytes(path) {
            Ok(bytes) => Self::parse(path, Some(bytes)),
            Err(ReadError::Missing) => Self::parse(path, None),
            Err(error) => Self {
                fault: Some(TomlError::without_position(error.to_string())),
                ..Self::parse(path, None)
            },
        }
    }

    /// Parses the bytes of the registry of instances; `before` is `None` where there is no file.
    pub(crate) fn parse(path: &Path, before: Option<Vec<u8>>) -> Self {
        let mut registry = Self {
            path: path.to_path_buf(),
            before,
            ..Self::default()
        };
        let Some(bytes) = &registry.before else {
            return registry;
        };
        if let Some(plain) = std::str::from_utf8(bytes).ok().and_then(plain::read) {
            registry.entries = plain.into_iter().map(|plain| plain.entry).collect();
            return registry;
        }
        match toml_document::parse::<RegistryFile>(bytes) {
            Ok(file) if file.version == VERSION => registry.entries = file.instances,
            Ok(file) => {
                registry.fault = Some(TomlError::without_position(format!("version {}", file.version)));
            }
            Err(fault) => registry.fault = Some(fault),
        }
        registry
    }

    /// Fails with exit 78 where the registry of instances is broken, so that it is not overwritten. `shown` is its
    /// path for the message.
    pub(crate) fn require_valid(&self, shown: &str) -> Result<()> {
        match &self.fault {
            None => Ok(()),
            Some(fault) => Err(Error::blocked(msg!(
                "registry.broken",
                path = fault.location(Path::new(shown)),
                why = fault
            ))
            .hint(msg!("registry.way-out"))),
        }
    }

    /// Returns the registry as a document to edit; an empty one where there is no file or its bytes can't be understood.
    ///
    /// # Panics
    /// Where the bytes are read as entries and not as a document, which is a bug of the parser.
    fn document(&self) -> DocumentMut {
        let readable = self.before.as_ref().filter(|_| self.fault.is_none());
        readable.map_or_else(DocumentMut::new, |bytes| {
            toml_document::parse_document(bytes).expect("what has entries is a document")
        })
    }

    /// Returns the text of the registry of instances with this instance's entry in it. An entry with the same config
    /// is changed in its place; a new one goes before the first whose config sorts after its own.
    pub(crate) fn with(&self, entry: &RegistryEntry) -> String {
        self.with_plain(entry).unwrap_or_else(|| self.with_edited(entry))
    }

    /// Returns the text of the registry with this instance's entry in it, as [`Self::with`] does, by an edit of the document.
    fn with_edited(&self, entry: &RegistryEntry) -> String {
        let mut document = self.document();
        set_value(document.as_table_mut(), "version", i64::from(VERSION));
        let tables = array_of_tables(&mut document, ENTRIES_KEY);
        let known = self.entries.iter().position(|known| known.config == entry.config);
        if let Some(table) = known.and_then(|at| tables.get_mut(at)) {
            entry.write(table);
        } else {
            let mut table = Table::new();
            entry.write(&mut table);
            let is_after = |known: &RegistryEntry| known.config > entry.config;
            let at = self.entries.iter().position(is_after).unwrap_or(tables.len());
            insert(tables, at, table);
        }
        document.to_string()
    }

    /// Returns the text of the registry with this instance's entry in it, as [`Self::with`] does, where the text is as this
    /// program writes it. `None` for any other text.
    fn with_plain(&self, entry: &RegistryEntry) -> Option<String> {
        let first = plain::version_line();
        let text = match &self.before {
            Some(bytes) => std::str::from_utf8(bytes).ok()?,
            None => &first,
        };
        let known = plain::read(text)?;
        let is_same = |known: &&PlainEntry| known.entry.config == entry.config;
        let is_after = |known: &&PlainEntry| known.entry.config > entry.config;
        let at_place = || {
            let next = known.iter().find(is_after);
            let at = next.map_or(text.len(), |next| next.span.start);
            at..at
        };
        let same = known.iter().find(is_same);
        let span = same.map_or_else(at_place, |known| known.span.clone());
        Some([&text[..span.start], &plain::write(entry)?, &text[span.end..]].concat())
    }

    /// Returns the text of the registry of instances without the instances that have these configs.
    pub(crate) fn without(&self, configs: &[&Path]) -> String {
        let mut document = self.document();
        let tables = array_of_tables(&mut document, ENTRIES_KEY);
        for (at, entry) in self.entries.iter().enumerate().rev() {
            if configs.contains(&entry.config.as_path()) && at < tables.len() {
                tables.remove(at);
            }
        }
        if tables.is_empty() {
            document.remove(ENTRIES_KEY);
        }
        document.to_string()
    }
}

/// Inserts a TOML table into an array of tables of the registry of instances. Positions in the file are forgotten, so
/// that the list's order decides.
fn insert(tables: &mut ArrayOfTables, at: usize, table: Table) {
    let mut all: Vec<Table> = std::mem::take(tables).into_iter().collect();
    all.insert(at, table);
    for table in &mut all {
        forget_position(table);
    }
    tables.extend(all);
}

/// Removes the position in the registry file from a TOML table and the tables in it.
fn forget_position(table: &mut Table) {
    table.set_position(None);
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(below) => forget_position(below),
            Item::ArrayOfTables(list) => list.iter_mut().for_each(forget_position),
            Item::None | Item::Value(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Port;

    fn entry(name: &str, port: u16) -> RegistryEntry {
        RegistryEntry {
            profile: name.to_owned(),
            config: PathBuf::from(format!("/h/{name}/openclaw.json")),
            state: PathBuf::from(format!("/h/{name}")),
            workspace: PathBuf::from(format!("/h/{name}/workspace")),
            port: Port::new(port).unwrap(),
        }
    }

    fn parse(text: &str) -> Registry {
        Registry::parse(Path::new("/h/registry.toml"), Some(text.into()))
    }

    fn configs(text: &str) -> Vec<String> {
        let registry = parse(text);
        assert_eq!(registry.fault, None, "{text}");
        let names = registry.entries.into_iter().map(|entry| entry.profile);
        names.collect()
    }

    const FOREIGN: &str = "# the head\nversion = 1 # ours\nlater = 'x'\n\n# about b\n[[instance]]\nprofile = 'b'\n\
        config = '/h/b/openclaw.json'\nstate = '/h/b'\nworkspace = '/h/b/workspace'\nport = 20_000 # chosen\n\
        [instance.more]\nkey = 1\n\n[other]\ntable = true\n# the end\n";

    #[test]
    fn text_that_this_program_wrote_is_read_and_edited_as_its_document_is() {
        let mut registry = Registry::default();
        let order = [
            ("m", 1),
            ("b", 2),
            ("z", 3),
            ("a", 4),
            ("n", 5),
            ("b", 6),
            ("z", 7),
            ("é ~#=", 8),
        ];
        for (name, port) in order {
            let entry = entry(name, port);
            let text = registry.with_plain(&entry).expect("a plain text");
            assert_eq!(text, registry.with_edited(&entry));
            registry = parse(&text);
            let file: RegistryFile = toml_document::parse(text.as_bytes()).unwrap();
            assert_eq!(registry.entries, file.instances);
        }
        assert_eq!(registry.entries.len(), 6);
        for odd in ["quo\"te", "back\\slash", "line\nbreak"] {
            assert_eq!(registry.with_plain(&entry(odd, 9)), None, "{odd}");
            let text = registry.with(&entry(odd, 9));
            assert_eq!(parse(&text).entries.len(), 7, "{odd}");
            assert_eq!(parse(&text).with_plain(&entry("a", 9)), None, "{odd}");
        }
    }

    #[test]
    fn text_that_this_program_does_not_write_is_left_to_the_parser() {
        let written = Registry::default().with(&entry("a", 20_000));
        assert!(plain::read(&written).is_some());
        for (from, to) in [
            ("version = 1", "version = 2"),
            ("version = 1", "version=1"),
            ("port = 20000", "port = 20_000"),
            ("port = 20000", "port = 020000"),
            ("port = 20000", "port = +20000"),
            ("port = 20000", "port = 200000"),
            ("port = 20000\n", "port = 20000"),
            ("port = 20000\n", "port = 20000 # chosen\n"),
            ("port = 20000\n", "port = 20000\nmore = 1\n"),
            ("[[instance]]", "[instance]"),
            ("\n[[instance]]", "\n\n[[instance]]"),
            ("profile = \"a\"", "profile = 'a'"),
            ("profile = \"a\"", "profile = \"\\u0061\""),
            ("profile = \"a\"\n", ""),
            ("profile = \"a\"\n", "profile = \"a\"\r\n"),
        ] {
            let edited = written.replacen(from, to, 1);
            assert_ne!(edited, written);
            assert_eq!(plain::read(&edited), None, "{edited}");
        }
    }

    #[test]
    fn state_home_of_an_earlier_version_is_used_until_there_is_a_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let (systems, in_home) = (dir.path().join("AppData"), dir.path().join("state"));
        let chosen = || earlier_state_home(systems.clone(), in_home.clone());
        assert_eq!(chosen(), systems, "a new user");
        #[expect(clippy::disallowed_methods, reason = "the test makes its own folders")]
        let make = |folder: &Path| std::fs::create_dir(folder).unwrap();
        make(&in_home);
        assert_eq!(chosen(), in_home);
        make(&systems);
        assert_eq!(chosen(), systems);
    }

    #[test]
    fn entries_are_sorted_by_config_in_any_order_of_onboarding() {
        let both = |first: RegistryEntry, second: RegistryEntry| {
            let one = Registry::default().with(&first);
            parse(&one).with(&second)
        };
        let text = both(entry("a", 1), entry("b", 2));
        assert_eq!(text, both(entry("b", 2), entry("a", 1)));
        assert_eq!(configs(&text), ["a", "b"]);
    }

    #[test]
    fn equal_entry_leaves_the_text_unchanged() {
        assert_eq!(parse(FOREIGN).with(&entry("b", 20000)), FOREIGN);
    }

    #[test]
    fn comments_order_and_unknown_keys_survive_every_edit() {
        let moved = parse(FOREIGN).with(&entry("b", 20789));
        assert_eq!(moved, FOREIGN.replace("20_000", "20789"));
        let three = parse(&parse(FOREIGN).with(&entry("a", 1))).with(&entry("c", 3));
        assert_eq!(configs(&three), ["a", "b", "c"], "{three}");
        for kept in [
            "# the head",
            "# ours",
            "later = 'x'",
            "# about b",
            "# chosen",
            "[other]\ntable = true\n# the end",
        ] {
            assert!(three.contains(kept), "{kept}: {three}");
        }
        let more = three.find("[instance.more]").unwrap();
        assert!(
            three[..more].ends_with("# chosen\n"),
            "it stays below its own entry: {three}"
        );
        let (a, c) = (entry("a", 1).config, entry("c", 3).config);
        assert_eq!(parse(&three).without(&[&a, &c]), FOREIGN);
        let none = parse(FOREIGN).without(&[&entry("b", 1).config]);
        assert_eq!(configs(&none), [""; 0]);
        assert!(
            none.starts_with("# the head\nversion = 1 # ours\nlater = 'x'\n"),
            "{none}"
        );
        assert!(none.contains("[other]"), "{none}");
    }

    #[test]
    fn list_of_inline_tables_is_edited() {
        let text = "version = 1\ninstance = [{ profile = 'b', config = '/h/b/openclaw.json', state = '/h/b', workspace = '/w', port = 1 }]\n";
        assert_eq!(configs(&parse(text).with(&entry("a", 2))), ["a", "b"]);
        assert_eq!(configs(&parse(text).without(&[&entry("b", 1).config])), [""; 0]);
    }

    #[test]
    fn broken_registry_has_an_error_with_its_position() {
        let fault = |text: &[u8]| {
            let registry = Registry::parse(Path::new("/r.toml"), Some(text.to_vec()));
            assert!(registry.entries.is_empty());
            let error = registry.require_valid("~/r.toml").unwrap_err();
            assert_eq!((error.code(), error.kind.exit_code()), ("registry.broken", 78));
            registry.fault.unwrap().location(Path::new("r.toml"))
        };
        assert_eq!(fault(b"version = 1\nx = ["), "r.toml:2:6");
        assert_eq!(fault(b"version = 1\n\xff"), "r.toml:2:1");
        assert_eq!(fault(b"version = 2\n"), "r.toml");
    }
}
