//! Units of the system's systemd that start a gateway of this user. This program controls services of the user's manager
//! only, so that such a gateway is started a second time where one of these is installed too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::service::InstalledService;
use crate::environment::Environment;
use crate::host::{self, Host, read};
use crate::service_files::unit;

/// Folders of the system's systemd units, those that go before others first, each with the start of the names that are
/// looked at: hundreds of units of packages start no gateway.
const UNIT_DIRS: [(&str, &str); 4] = [
    ("/etc/systemd/system", ""),
    ("/run/systemd/system", ""),
    ("/usr/local/lib/systemd/system", ""),
    ("/usr/lib/systemd/system", "openclaw"),
];
/// The home folder for which `%h` stands in every unit of the system, whatever its user.
const SYSTEM_HOME: &str = "/root";

/// Returns the files of the system's systemd units that start the gateway with this config.
pub(crate) fn find_system_units(host: &Host, env: &Environment, config: &Path) -> Vec<PathBuf> {
    let Some(user_id) = host.user_id() else {
        return Vec::new();
    };
    let users = host::user_file();
    let search = UnitSearch {
        env,
        user_id,
        user_name: name_of_user(&users, user_id),
        config: read::canonicalize_existing(config),
    };
    search.find(&UNIT_DIRS.map(|(folder, start)| (Path::new(folder), start)))
}

/// Returns the name of the user with this id in the text of a passwd(5) file.
fn name_of_user(users: &str, id: u32) -> Option<&str> {
    host::parse_users(users)
        .find(|user| user.id == id)
        .map(|user| user.name)
}

/// A search for the units of the system that start one gateway of the user with this id.
struct UnitSearch<'a> {
    env: &'a Environment,
    user_id: u32,
    user_name: Option<&'a str>,
    /// The config of the gateway, links followed.
    config: PathBuf,
}

impl UnitSearch<'_> {
    /// Returns the units in these folders that start the gateway. A unit hides those of its name in later folders.
    fn find(&self, folders: &[(&Path, &str)]) -> Vec<PathBuf> {
        let mut names = BTreeSet::new();
        let mut found = Vec::new();
        for (folder, start) in folders {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
            files.sort();
            for file in files {
                let name = file
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let is_unit = name.starts_with(start) && name.ends_with(".service");
                if is_unit && names.insert(name) && self.starts_gateway(&file) {
                    found.push(file);
                }
            }
        }
        found
    }

    /// Returns whether a unit of the system starts the gateway.
    fn starts_gateway(&self, file: &Path) -> bool {
        let Ok(text) = read::text(file) else {
            return false;
        };
        let unit = unit::parse(&text, Path::new(SYSTEM_HOME));
        let is_own = match unit.user.as_deref() {
            None => self.user_id == 0,
            Some(user) => self.user_name == Some(user) || user == self.user_id.to_string(),
        };
        let command = unit.command;
        let home = ["OPENCLAW_HOME", "HOME"]
            .into_iter()
            .find_map(|name| command.variable(name));
        let home = match home {
            Some(home) => PathBuf::from(home),
            None if is_own => self.env.home.clone(),
            // Where that user's home folder lies does not matter: it has the config of another gateway.
            None => PathBuf::from("/nonexistent"),
        };
        let env = Environment {
            home,
            ..Environment::default()
        };
        command.starts_gateway() && {
            let service = InstalledService::new(command, file.to_path_buf(), "default", &env);
            read::canonicalize_existing(&service.config_path) == self.config
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::tests::write_file;

    /// Writes units of the system into two folders, those that start the gateway of a home folder and others.
    fn write_units(etc: &Path, lib: &Path, home: &Path) {
        let exec = "[Service]\nExecStart=/usr/bin/node /opt/x/index.js gateway --port 18789\n";
        let shown = |path: &Path| path.display().to_string();
        for (name, text) in [
            ("own", format!("{exec}User=ada\n")),
            ("own-by-id", format!("{exec}User=1000\n")),
            ("with-home", format!("{exec}Environment=HOME={}\n", shown(home))),
            (
                "with-path",
                format!(
                    "{exec}User=bot\nEnvironment=OPENCLAW_STATE_DIR={}\n",
                    shown(&home.join(".openclaw"))
                ),
            ),
            ("of-root", exec.to_owned()),
            ("of-another", format!("{exec}User=bot\n")),
            (
                "no-gateway",
                "[Service]\nExecStart=/usr/bin/true\nUser=ada\n".to_owned(),
            ),
        ] {
            write_file(&etc.join(format!("{name}.service")), &text);
        }
        write_file(&etc.join("openclaw-gateway.service"), "");
        write_file(&lib.join("openclaw-gateway.service"), format!("{exec}User=ada\n"));
        write_file(&lib.join("openclaw-more.service"), format!("{exec}User=ada\n"));
        write_file(&lib.join("more.service"), format!("{exec}User=ada\n"));
        write_file(&etc.join("own.service.d/a.conf"), exec);
    }

    #[test]
    fn unit_of_the_system_is_found_by_the_config_that_it_starts_and_hides_later_ones_of_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let (etc, lib) = (dir.path().join("etc"), dir.path().join("lib"));
        let home = dir.path().join("home/ada");
        write_file(&home.join(".openclaw/openclaw.json"), "{}");
        let env = Environment {
            home: home.clone(),
            ..Environment::default()
        };
        let search = |profile: &str| UnitSearch {
            env: &env,
            user_id: 1000,
            user_name: name_of_user(
                "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n",
                1000,
            ),
            config: read::canonicalize_existing(&home.join(profile).join("openclaw.json")),
        };
        write_units(&etc, &lib, &home);
        let folders = [(&*etc, ""), (&*lib, "openclaw")];
        let found = search(".openclaw").find(&folders);
        let names: Vec<_> = found
            .iter()
            .map(|file| file.file_stem().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(
            names,
            ["own-by-id", "own", "with-home", "with-path", "openclaw-more"]
        );
        assert_eq!(
            search(".openclaw-rescue").find(&folders),
            [""; 0].map(PathBuf::from)
        );
    }
}
