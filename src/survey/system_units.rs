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
    let units = SystemUnits::find(host, env);
    units.that_start(&read::canonicalize_existing(config))
}

/// The units of the system's systemd that start gateways of this user.
#[derive(Clone, Debug, Default)]
pub(crate) struct SystemUnits {
    /// The file of each unit with the config of the gateway, links followed.
    configs: Vec<(PathBuf, PathBuf)>,
}

impl SystemUnits {
    /// Reads the units of the system's systemd once, for all gateways of this user.
    pub(crate) fn find(host: &Host, env: &Environment) -> Self {
        let Some(user_id) = host.user_id() else {
            return Self::default();
        };
        let users = host::user_file();
        let search = UnitSearch {
            env,
            user_id,
            user_name: name_of_user(&users, user_id),
        };
        search.find(&UNIT_DIRS.map(|(folder, start)| (Path::new(folder), start)))
    }

    /// Returns the files of the units that start the gateway with this config, whose links are followed.
    pub(crate) fn that_start(&self, real_config: &Path) -> Vec<PathBuf> {
        let own = self.configs.iter().filter(|(_, config)| config == real_config);
        own.map(|(file, _)| file.clone()).collect()
    }
}

/// Returns the name of the user with this id in the text of a passwd(5) file.
fn name_of_user(users: &str, id: u32) -> Option<&str> {
    host::parse_users(users)
        .find(|user| user.id == id)
        .map(|user| user.name)
}

/// A search for the units of the system that start gateways of the user with this id.
struct UnitSearch<'a> {
    env: &'a Environment,
    user_id: u32,
    user_name: Option<&'a str>,
}

impl UnitSearch<'_> {
    /// Returns the units in these folders that start a gateway. A unit hides those of its name in later folders.
    fn find(&self, folders: &[(&Path, &str)]) -> SystemUnits {
        let mut names = BTreeSet::new();
        let mut configs = Vec::new();
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
                if is_unit && names.insert(name) {
                    let config = self.config_of(&file);
                    configs.extend(config.map(|config| (file, config)));
                }
            }
        }
        SystemUnits { configs }
    }

    /// Returns the config, links followed, of the gateway that a unit of the system starts; `None` where it starts none.
    fn config_of(&self, file: &Path) -> Option<PathBuf> {
        let text = read::text(file).ok()?;
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
        command.starts_gateway().then(|| {
            let service = InstalledService::new(command, file.to_path_buf(), "default", &env);
            read::canonicalize_existing(&service.config_path)
        })
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
        let search = UnitSearch {
            env: &env,
            user_id: 1000,
            user_name: name_of_user(
                "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n",
                1000,
            ),
        };
        write_units(&etc, &lib, &home);
        let units = search.find(&[(&etc, ""), (&lib, "openclaw")]);
        let that_start = |profile: &str| {
            let config = home.join(profile).join("openclaw.json");
            units.that_start(&read::canonicalize_existing(&config))
        };
        let found = that_start(".openclaw");
        let names: Vec<_> = found
            .iter()
            .map(|file| file.file_stem().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(
            names,
            ["own-by-id", "own", "with-home", "with-path", "openclaw-more"]
        );
        assert_eq!(that_start(".openclaw-rescue"), [""; 0].map(PathBuf::from));
    }
}
