//! The list of the user's remote hosts: a TOML file in the state home, beside the registry of this host's instances.
//!
//! The list is a file of its own, because most commands read the registry and none but those about other hosts needs this list.
//! An edit leaves comments, order and unknown keys as they are.
//!
//! ```toml
//! version = 1
//! [[host]]
//! name = "box"
//! address = "me@box.example.org"
//! program = "/opt/openclaw/bin/openclaw"   # where it is not on the search path there
//! ```

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use toml_edit::{DocumentMut, Table};

use super::address::{HostName, SshAddress};
use crate::error::{Error, Result};
use crate::host::read::{self, ReadError};
use crate::i18n::msg;
use crate::toml_document::{self, TomlError, array_of_tables, set_value};

/// Name of the file with the list of remote hosts, in the state home.
const HOSTS_FILE: &str = "hosts.toml";
/// Version of the format of the list of remote hosts.
const VERSION: u32 = 1;
/// Key of the tables in the list of remote hosts.
const HOST_KEY: &str = "host";

/// A remote host as the user described it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct RemoteHost {
    /// The name by which the user speaks of it.
    pub(crate) name: HostName,
    /// The address that `ssh` is given.
    pub(crate) address: SshAddress,
    /// The path of `openclaw` there; `None` where it is searched for.
    pub(crate) program: Option<String>,
}

impl RemoteHost {
    /// Returns a remote host as a part of a JSON document.
    pub(crate) fn document(&self) -> Value {
        json!({ "name": self.name.as_str(), "address": self.address.as_str(), "program": self.program })
    }
}

/// The remote hosts of a user, as their list was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostList {
    /// The hosts, in the order of the file.
    pub(crate) hosts: Vec<RemoteHost>,
    /// The document that is edited.
    document: DocumentMut,
    /// Path of the file.
    path: PathBuf,
}

/// Typed form of the list of remote hosts.
#[derive(Default, Deserialize)]
struct HostsFile {
    version: u32,
    #[serde(default, rename = "host")]
    hosts: Vec<RemoteHost>,
}

impl HostList {
    /// Reads the list of remote hosts in a state home. A missing file is an empty list.
    ///
    /// # Errors
    /// Exit 78 where the file can't be read or understood, with the place of the fault.
    pub(crate) fn read(state_home: &Path) -> Result<Self> {
        let path = state_home.join(HOSTS_FILE);
        let bytes = match read::bytes(&path) {
            Ok(bytes) => bytes,
            Err(ReadError::Missing) => {
                return Ok(Self {
                    path,
                    ..Self::default()
                });
            }
            Err(error) => return Err(broken(&path, &TomlError::without_position(error.to_string()))),
        };
        let file: HostsFile = toml_document::parse(&bytes).map_err(|fault| broken(&path, &fault))?;
        if file.version != VERSION {
            let fault = TomlError::without_position(format!("version {}", file.version));
            return Err(broken(&path, &fault));
        }
        let document = toml_document::parse_document(&bytes).map_err(|fault| broken(&path, &fault))?;
        Ok(Self {
            hosts: file.hosts,
            document,
            path,
        })
    }

    /// Returns the path of the list of remote hosts.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the remote host with a name.
    ///
    /// # Errors
    /// Exit 1 where there is none.
    pub(crate) fn find(&self, name: &HostName) -> Result<&RemoteHost> {
        let found = self.hosts.iter().find(|host| host.name == *name);
        found.ok_or_else(|| {
            Error::failed(msg!("hosts.unknown", host = name)).hint(if self.hosts.is_empty() {
                msg!("hosts.add-it", host = name)
            } else {
                msg!("hosts.see-list")
            })
        })
    }

    /// Returns the text of the list with a remote host in it, which takes the place of one with the same name.
    pub(crate) fn with(&self, host: &RemoteHost) -> String {
        let mut document = self.document.clone();
        set_value(document.as_table_mut(), "version", i64::from(VERSION));
        let tables = array_of_tables(&mut document, HOST_KEY);
        let known = self.hosts.iter().position(|known| known.name == host.name);
        let at = known.unwrap_or(tables.len());
        if at == tables.len() {
            tables.push(Table::new());
        }
        let table = tables.get_mut(at).expect("it was just made where it was missing");
        set_value(table, "name", host.name.as_str());
        set_value(table, "address", host.address.as_str());
        match &host.program {
            Some(program) => set_value(table, "program", program.as_str()),
            None => {
                table.remove("program");
            }
        }
        document.to_string()
    }

    /// Returns the text of the list without the remote host of this name.
    pub(crate) fn without(&self, name: &HostName) -> String {
        let mut document = self.document.clone();
        let tables = array_of_tables(&mut document, HOST_KEY);
        for (at, host) in self.hosts.iter().enumerate().rev() {
            if host.name == *name && at < tables.len() {
                tables.remove(at);
            }
        }
        if tables.is_empty() {
            document.remove(HOST_KEY);
        }
        document.to_string()
    }
}

/// Returns the error of a list of remote hosts that can't be used, so that it is not overwritten.
fn broken(path: &Path, fault: &TomlError) -> Error {
    Error::blocked(msg!("hosts.broken", path = fault.location(path), why = fault))
        .hint(msg!("hosts.way-out", path = path.display()))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make their own files")]
mod tests {
    use super::*;

    fn host(name: &str, address: &str) -> RemoteHost {
        RemoteHost {
            name: HostName::parse(name).unwrap(),
            address: SshAddress::parse(address).unwrap(),
            program: None,
        }
    }

    fn read(text: &str) -> Result<HostList> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(HOSTS_FILE), text).unwrap();
        HostList::read(folder.path())
    }

    #[test]
    fn edit_of_the_list_keeps_what_is_not_ours() {
        let text =
            "# mine\nversion = 1\n\n[[host]]\nname = 'box' # the one below\naddress = 'me@box'\nlater = 1\n";
        let list = read(text).unwrap();
        assert_eq!(list.hosts, [host("box", "me@box")]);
        assert_eq!(list.with(&host("box", "me@box")), text);
        let two = read(&list.with(&host("attic", "attic"))).unwrap();
        assert_eq!(two.hosts, [host("box", "me@box"), host("attic", "attic")]);
        assert_eq!(two.without(&HostName::parse("attic").unwrap()), text);
        let changed = read(&list.with(&host("box", "you@box"))).unwrap();
        assert_eq!(changed.hosts, [host("box", "you@box")]);
        assert!(changed.with(&host("box", "you@box")).contains("# the one below"));
    }

    #[test]
    fn list_that_is_broken_is_refused_with_its_place() {
        for text in [
            "version = 2\n",
            "version = 1\n[[host]]\nname = 'box'\naddress = '-oProxyCommand=id'\n",
            "version = 1\n[[host]]\nname = 'a@b'\naddress = 'c'\n",
            "version = [",
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(
                (error.code(), error.kind.exit_code()),
                ("hosts.broken", 78),
                "{text}"
            );
        }
    }
}
