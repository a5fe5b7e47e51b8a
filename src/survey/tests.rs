//! Tests of surveys of home folders that the tests build.

#![expect(clippy::disallowed_methods, reason = "tests build home folders of their own")]

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::ports::{Claim, ClaimReason, Port, PortFamily, PortSource, Role};
#[cfg(unix)]
use crate::registry::RegistryEntry;

/// A temporary home folder to survey.
pub(super) struct Home(TempDir);

/// Writes a file and creates its folder.
pub(super) fn write_file(path: &Path, text: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

impl Home {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(below)
    }

    /// Writes a file below the home folder and returns its path.
    pub(super) fn write(&self, below: &str, text: impl AsRef<[u8]>) -> PathBuf {
        write_file(&self.path(below), text);
        self.path(below)
    }

    pub(super) fn survey(&self) -> Survey {
        self.survey_with(&[])
    }

    fn survey_with(&self, vars: &[(&str, &str)]) -> Survey {
        let home = self.path("");
        let home = home.to_str().unwrap().trim_end_matches('/');
        let host = Host::fixed(&[], vars.iter().copied().chain([("HOME", home)]));
        survey_host(&host, &Environment::read(&host).unwrap())
    }
}

fn labels(survey: &Survey) -> Vec<&str> {
    survey.instances.iter().map(|i| i.label.as_str()).collect()
}

fn bases(survey: &Survey) -> Vec<Option<(u16, PortSource)>> {
    survey
        .instances
        .iter()
        .map(|i| i.base.map(|(family, source)| (family.base().get(), source)))
        .collect()
}

#[test]
fn home_without_instances_gives_an_empty_survey() {
    let home = Home::new();
    home.write(".openclaw-notes.txt", "no folder");
    home.write(".openclawed/openclaw.json", "{}");
    std::fs::create_dir(home.path(".openclaw-a b")).unwrap();
    let survey = home.survey();
    assert_eq!(labels(&survey), [""; 0]);
    assert_eq!(
        survey.registry().path,
        home.path(".local/state/openclaw/registry.toml")
    );
    assert_eq!(
        (&survey.registry().before, &survey.registry().fault),
        (&None, &None)
    );
}

#[test]
fn default_instance_comes_first_and_each_has_the_port_of_its_strongest_source() {
    let home = Home::new();
    home.write(".openclaw/openclaw.json", "{gateway: {}}");
    home.write(".openclaw-dev/openclaw.json", "{}");
    home.write(
        ".openclaw-c/openclaw.json",
        "{gateway: {port: 20789}, // comment\n}",
    );
    home.write(".openclaw-c/instance.toml", "[ports]\nbase = 1\n");
    home.write(".openclaw-e/openclaw.json", "{gateway: {port: 20789}}");
    home.write(".openclaw-e/.env", "A=1\nOPENCLAW_GATEWAY_PORT='21789'\n");
    home.write(".openclaw-r/instance.toml", "[ports]\nbase = 22789\n");
    home.write(".openclaw-s/openclaw.json", "{gateway: {port: 20789}}");
    home.write(".openclaw-s/.env", "OPENCLAW_GATEWAY_PORT=21789\n");
    let state = home.path(".openclaw-s");
    let unit = format!(
        "[Service]\nExecStart=x --port 23789\nEnvironment=OPENCLAW_STATE_DIR={}\n",
        state.display()
    );
    let file = home.write(".config/systemd/user/openclaw-gateway-s.service", unit);
    std::fs::create_dir(home.path(".openclaw-empty")).unwrap();
    let survey = home.survey();
    assert_eq!(labels(&survey), ["default", "c", "dev", "e", "empty", "r", "s"]);
    assert_eq!(
        bases(&survey),
        [
            Some((18789, PortSource::Default)),
            Some((20789, PortSource::Config)),
            Some((19001, PortSource::Default)),
            Some((21789, PortSource::EnvFile)),
            None,
            Some((22789, PortSource::Record)),
            Some((23789, PortSource::Service)),
        ]
    );
    assert_eq!(survey.instances[4].claims, [], "an empty folder holds nothing");
    assert_eq!(survey.instances[6].service, Some(file));
    assert_eq!(survey.instances[6].found_by, [FoundBy::Folder, FoundBy::Service]);
}

#[test]
fn named_profile_without_a_port_claims_the_default_ports_of_all_releases() {
    let home = Home::new();
    home.write(".openclaw-rescue/openclaw.json", "{gateway: {mode: 'local'}}");
    let survey = home.survey();
    assert_eq!(bases(&survey), [Some((23532, PortSource::Default))]);
    let claimed: Vec<_> = survey.instances[0]
        .claims
        .iter()
        .filter_map(PortFamily::from_base_claim)
        .map(PortFamily::base)
        .collect();
    assert_eq!(claimed, [23532, 18789]);
}

#[test]
fn port_of_an_unreadable_config_comes_from_the_last_good_config_or_a_backup() {
    let home = Home::new();
    home.write(".openclaw-a/openclaw.json", "{");
    home.write(".openclaw-a/openclaw.json.bak", "{gateway: {port: 24789}}");
    home.write(".openclaw-b/openclaw.json", "{");
    home.write(".openclaw-c/openclaw.json", "{");
    home.write(".openclaw-c/openclaw.json.bak", "{gateway: {port: 24789}}");
    home.write(".openclaw-c/openclaw.json.last-good", "{gateway: {port: 25789}}");
    let survey = home.survey();
    let hashed = PortFamily::new(crate::ports::hashed_default_base("b")).unwrap();
    assert_eq!(
        bases(&survey),
        [
            Some((24789, PortSource::Backup)),
            Some((hashed.base().get(), PortSource::Default)),
            Some((25789, PortSource::Backup)),
        ]
    );
    assert_eq!(
        survey.instances[1].claims,
        hashed.claims().collect::<Vec<_>>(),
        "and not the default's port"
    );
}

#[test]
fn port_keys_of_a_config_become_claims() {
    let home = Home::new();
    let config = "{gateway: {port: 20000}, canvasHost: {port: 20004}, browser: {
        cdpUrl: 'http://127.0.0.1:30001', controlUrl: 'http://localhost:30100/x', cdpPortRangeStart: 40000,
        profiles: {work: {cdpPort: 30002}, far: {cdpUrl: 'http://10.0.0.1:30003'}, six: {cdpUrl: 'ws://[::1]:30004/a'},
            bare: {cdpUrl: 'http://127.0.0.1/x'}, odd: {cdpPort: '1'}, big: {cdpPort: 70000}}}}";
    home.write(".openclaw/openclaw.json", config);
    let survey = home.survey();
    let pinned: Vec<_> = survey.instances[0]
        .claims
        .iter()
        .filter_map(|claim| match &claim.reason {
            ClaimReason::Pinned(key) => Some((key.as_str(), claim.span.to_string())),
            ClaimReason::Derived => None,
        })
        .collect();
    let expected = [
        ("browser.cdpUrl", "30001"),
        ("browser.controlUrl", "30100"),
        ("browser.profiles.work.cdpPort", "30002"),
        ("browser.profiles.six.cdpUrl", "30004"),
        ("browser.controlUrl", "30109-30208"),
        ("browser.cdpPortRangeStart", "40000-40099"),
    ];
    assert_eq!(
        pinned,
        expected.map(|(key, span)| (key, span.to_owned())),
        "the derived canvas port is no new one"
    );
}

#[test]
fn port_without_a_family_is_claimed_alone() {
    let home = Home::new();
    home.write(".openclaw-x/openclaw.json", "{gateway: {port: 65500}}");
    let survey = home.survey();
    assert_eq!(survey.instances[0].base, None);
    assert_eq!(
        survey.instances[0].claims,
        [Claim::pinned(Span::one(65500_u16), Role::Pinned, "gateway.port")]
    );
}

#[test]
#[cfg(unix)]
fn instance_that_is_found_in_every_way_is_listed_once() {
    let home = Home::new();
    let config = home.write(".openclaw-rescue/openclaw.json", "{gateway: {port: 20000}}");
    std::os::unix::fs::symlink(home.path(".openclaw-rescue"), home.path(".openclaw-alias")).unwrap();
    let state = home.path(".openclaw-rescue");
    let entry = RegistryEntry {
        profile: "rescue".to_owned(),
        config: config.clone(),
        state: state.clone(),
        workspace: state.join("w"),
        port: Port::known(1),
    };
    let elsewhere = RegistryEntry {
        profile: "far".to_owned(),
        config: home.path("srv/openclaw.json"),
        state: home.path("srv"),
        workspace: home.path("srv/w"),
        port: Port::known(24789),
    };
    let one = Registry::default().with(&entry);
    let text = Registry::parse(Path::new(registry::REGISTRY_FILE), Some(one.into())).with(&elsewhere);
    home.write("xdg/openclaw/registry.toml", text);
    let unit = format!(
        "[Service]\nExecStart=x gateway\nEnvironment=OPENCLAW_CONFIG_PATH={}\n",
        config.display()
    );
    home.write(".config/systemd/user/openclaw-gateway-rescue.service", unit);
    let survey = home.survey_with(&[("XDG_STATE_HOME", home.path("xdg").to_str().unwrap())]);
    assert_eq!(labels(&survey), ["far", "rescue"]);
    assert_eq!(survey.instances[1].config_path, config);
    assert_eq!(
        survey.instances[1].found_by,
        [FoundBy::Folder, FoundBy::Registry, FoundBy::Service]
    );
    assert_eq!(
        bases(&survey)[0],
        Some((24789, PortSource::Record)),
        "its port is remembered while its config is gone"
    );
}

#[test]
fn further_configs_in_the_default_folder_are_instances_of_their_own() {
    let home = Home::new();
    home.write(".openclaw/openclaw.json", "{gateway: {port: 18789}}");
    home.write(".openclaw/main.json", "{gateway: {port: 20000}}");
    home.write(".openclaw/rescue.json", "{agents: {}, gateway: {port: 21000}}");
    home.write(".openclaw/exec-approvals.json", "{version: 1}");
    home.write(".openclaw/openclaw.json.bak", "{gateway: {port: 1}}");
    home.write(".openclaw/half.json", "{gateway: {");
    std::fs::create_dir(home.path(".openclaw-main")).unwrap();
    let survey = home.survey();
    assert_eq!(
        labels(&survey),
        ["default", "~/.openclaw/main.json", "~/.openclaw/rescue.json"],
        "the folder of the state is no instance of its own"
    );
    assert_eq!(survey.instances[1].state_dir, home.path(".openclaw-main"));
    assert_eq!(survey.instances[2].state_dir, home.path(".openclaw"));
    assert_eq!(bases(&survey)[2], Some((21000, PortSource::Config)));
    // With a config of its own it is one, and shares its state with the other.
    home.write(".openclaw-main/openclaw.json", "{gateway: {port: 22000}}");
    assert_eq!(labels(&home.survey())[1..3], ["main", "~/.openclaw/main.json"]);
}

#[test]
fn state_folder_comes_from_the_service_where_one_starts_the_config() {
    let home = Home::new();
    let config = home.write(".openclaw/main.json", "{gateway: {port: 20000}}");
    let unit = format!(
        "[Service]\nEnvironment=OPENCLAW_CONFIG_PATH={} OPENCLAW_STATE_DIR=/srv/main\n",
        config.display()
    );
    home.write(".config/systemd/user/openclaw-gateway-main.service", unit);
    let survey = home.survey();
    let main = survey.instances.iter().find(|i| i.config_path == config).unwrap();
    assert_eq!(main.state_dir, Path::new("/srv/main"));
    assert_eq!(main.found_by, [FoundBy::ConfigFile, FoundBy::Service]);

    // A folder's own config, started by a service with another state folder.
    let config = home.write(".openclaw-x/openclaw.json", "{gateway: {port: 21000}}");
    let unit = format!(
        "[Service]\nEnvironment=OPENCLAW_CONFIG_PATH={} OPENCLAW_STATE_DIR=/srv/x\n",
        config.display()
    );
    home.write(".config/systemd/user/openclaw-gateway-x.service", unit);
    let survey = home.survey();
    let x = survey.instances.iter().find(|i| i.config_path == config).unwrap();
    assert_eq!(x.state_dir, Path::new("/srv/x"));
}

#[test]
#[cfg(unix)]
fn broken_instances_are_reported_and_do_not_fail_the_survey() {
    let home = Home::new();
    home.write(".openclaw/openclaw.json", "{gateway: {port: 18789}}");
    home.write(".openclaw-cut/openclaw.json", "{\n  gateway: {port: 1");
    home.write(".openclaw-huge/openclaw.json", vec![b' '; 10 * 1024 * 1024]);
    home.write(".openclaw-binary/openclaw.json", b"\xff\xfe\0");
    home.write(".openclaw-deep/openclaw.json", "[".repeat(100_000));
    home.write(".openclaw-folder/openclaw.json/x", "");
    home.write(".openclaw-include/openclaw.json", "{$include: './openclaw.json'}");
    for name in ["fifo", "dangling", "loop"] {
        std::fs::create_dir(home.path(&format!(".openclaw-{name}"))).unwrap();
    }
    let fifo = home.path(".openclaw-fifo/openclaw.json");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    assert!(
        std::process::Command::new("mkfifo")
            .arg(home.path(".openclaw/x.json"))
            .status()
            .unwrap()
            .success()
    );
    std::os::unix::fs::symlink("nowhere", home.path(".openclaw-dangling/openclaw.json")).unwrap();
    std::os::unix::fs::symlink("openclaw.json", home.path(".openclaw-loop/openclaw.json")).unwrap();
    std::os::unix::fs::symlink("nowhere", home.path(".openclaw-nowhere")).unwrap();
    home.write(".local/state/openclaw/registry.toml", "version = \"");
    home.write(".config/systemd/user/openclaw-gateway-odd.service", b"\xff\xfe");
    let survey = home.survey();
    let health = |label: &str| {
        let instance = survey
            .instances
            .iter()
            .find(|i| i.label == label)
            .unwrap_or_else(|| panic!("{label}"));
        instance.config.clone()
    };
    assert!(matches!(health("default"), ConfigHealth::Ok));
    assert!(matches!(health("dangling"), ConfigHealth::Missing));
    for label in ["huge", "binary", "deep", "folder", "include", "fifo", "loop"] {
        assert!(
            matches!(health(label), ConfigHealth::Broken(_)),
            "{label}: {:?}",
            health(label)
        );
    }
    let ConfigHealth::Broken(fault) = health("cut") else {
        panic!("cut")
    };
    assert_eq!(fault.position.map(|(line, _)| line), Some(2));
    assert!(survey.registry().fault.is_some());
}

#[test]
#[cfg(unix)]
fn workspaces_are_those_of_the_config_or_else_of_the_folders_that_releases_use() {
    let home = Home::new();
    let config = "{agents: {defaults: {workspace: '~/w'}, list: [{workspace: '/srv/b'}], entries: {c: {workspace: 'rel'}}}}";
    home.write(".openclaw/openclaw.json", config);
    std::fs::create_dir(home.path("real")).unwrap();
    std::os::unix::fs::symlink(home.path("real"), home.path("w")).unwrap();
    home.write(
        ".openclaw-a/openclaw.json",
        "{agents: {list: [{id: 'x', workspace: '/srv/x'}]}}",
    );
    home.write(".openclaw-b/openclaw.json", "{}");
    home.write(".openclaw/workspace-b/AGENTS.md", "");
    let survey = home.survey();
    let workspaces = |at: usize| survey.instances[at].workspaces.clone();
    let mut named = [
        home.path("real"),
        PathBuf::from("/srv/b"),
        home.path(".openclaw/rel"),
    ];
    named.sort();
    assert_eq!(workspaces(0), named);
    assert_eq!(
        workspaces(1),
        [PathBuf::from("/srv/x"), home.path(".openclaw-a/workspace-a")]
    );
    assert_eq!(
        workspaces(2),
        [home.path(".openclaw/workspace-b")],
        "left there by an early release"
    );
}

#[test]
fn channel_tokens_are_found_and_left_out_of_debug_output() {
    let home = Home::new();
    let config = "{channels: {telegram: {botToken: '1:abc', accounts: {b: {botToken: '2:def'}, c: {botToken: '${T}'}}},
        discord: {token: 'xyz', accounts: {d: {tokenFile: '~/token'}, e: {token: '${E}'}}},
        matrix: {accessToken: 'syt'}, defaults: {groupPolicy: 'open'}}}";
    home.write(".openclaw/openclaw.json", config);
    home.write(".openclaw/.env", "E='from the .env'\n");
    home.write("token", "from a file\n");
    let survey = home.survey();
    let mut keys: Vec<_> = survey.instances[0]
        .tokens
        .iter()
        .map(|(k, v)| (k.as_str(), v.expose()))
        .collect();
    keys.sort_unstable();
    let expected = [
        ("channels.discord.accounts.d.tokenFile", "from a file"),
        ("channels.discord.accounts.e.token", "from the .env"),
        ("channels.discord.token", "xyz"),
        ("channels.matrix.accessToken", "syt"),
        ("channels.telegram.accounts.b.botToken", "2:def"),
        ("channels.telegram.botToken", "1:abc"),
    ];
    assert_eq!(keys, expected);
    assert!(!format!("{survey:?}").contains("xyz"));
}

#[test]
#[cfg(unix)]
fn node_engine_is_found_by_its_package_and_is_never_this_program() {
    let home = Home::new();
    home.write(
        "lib/node_modules/openclaw/package.json",
        r#"{"name": "openclaw", "version": "2026.9.6"}"#,
    );
    let entry = home.write("lib/node_modules/openclaw/bin/openclaw.mjs", "");
    home.write("other/openclaw", "a program of the same name");
    std::fs::create_dir(home.path("bin")).unwrap();
    std::os::unix::fs::symlink(&entry, home.path("bin/openclaw")).unwrap();
    let path = format!("{}:{}", home.path("other").display(), home.path("bin").display());
    let node = home.survey_with(&[("PATH", &path)]).node;
    let expected = NodeEngine {
        node: None,
        path: home.path("bin/openclaw"),
        version: "2026.9.6".to_owned(),
    };
    assert_eq!(node, Some(expected));
    assert_eq!(
        home.survey_with(&[("PATH", home.path("other").to_str().unwrap())])
            .node,
        None
    );
    let cli = home
        .survey_with(&[("OPENCLAW_NODE_CLI", entry.to_str().unwrap())])
        .node;
    assert_eq!(cli.map(|node| node.path), Some(entry));
}
