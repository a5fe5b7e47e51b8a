#![expect(clippy::disallowed_methods, reason = "tests build their own world")]

use serde_json::json;

use super::*;
use crate::answers::{Auth, Bind};
use crate::profile::ProfileName;
use crate::secret::Secret;

/// A folder with a HOME, and what a test puts beside it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn put(&self, below: &str, text: &str) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn program(&self, below: &str, text: &str) -> PathBuf {
        let (text, path) = (self.put(&format!("{below}.text"), text), self.path(below));
        // Written by another process: a child that another test starts meanwhile would hold it open.
        let host = Host::fixed(&[], [("PATH", "/usr/bin:/bin")]);
        let words = ["-m".as_ref(), "755".as_ref(), text.as_os_str(), path.as_os_str()];
        let install = crate::host::process::CommandSpec::new("install", words);
        let ended = host.run(&install, std::time::Duration::from_secs(30)).unwrap();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        path
    }

    /// What is found where the variables are these.
    fn locate(&self, vars: &[(&str, &str)]) -> Result<NodeEngine> {
        let home = self.path("home");
        let home = ("HOME", home.to_str().unwrap());
        let host = Host::fixed(&[], vars.iter().copied().chain([home]));
        locate(&host, &Environment::read(&host).unwrap())
    }

    fn code(&self, vars: &[(&str, &str)]) -> &'static str {
        self.locate(vars).unwrap_err().code()
    }
}

fn rescue() -> Instance {
    let profile = ProfileName::parse("rescue").unwrap();
    Instance::canonical(Path::new("/home/ada"), profile)
}

fn engine() -> NodeEngine {
    NodeEngine {
        path: "/opt/openclaw".into(),
        version: "2026.9.6".to_owned(),
    }
}

fn texts(words: &[std::ffi::OsString]) -> Vec<&str> {
    words.iter().map(|word| word.to_str().unwrap()).collect()
}

#[test]
fn a_wrapper_outside_of_its_package_is_asked_for_its_version() {
    for (said, version) in [
        ("OpenClaw 2026.9.6 (eb377ac)", "2026.9.6"),
        ("2026.1.30", "2026.1.30"),
    ] {
        let place = Place::new();
        let wrapper = place.program("bin/openclaw", &format!("#!/bin/sh\necho '{said}'\n"));
        let folder = place.path("bin");
        let found = place.locate(&[("PATH", folder.to_str().unwrap())]).unwrap();
        assert_eq!(
            (found.path, found.version.as_str()),
            (wrapper.clone(), version),
            "{said}"
        );
        let named = place.locate(&[("OPENCLAW_NODE_CLI", wrapper.to_str().unwrap())]);
        assert_eq!(named.unwrap().version, version);
    }
}

#[test]
fn what_is_no_openclaw_from_npm_is_said_with_a_way_out() {
    let place = Place::new();
    assert_eq!(place.code(&[]), "engine.missing");
    assert_eq!(
        place.code(&[("OPENCLAW_NODE_CLI", "/nowhere/openclaw")]),
        "engine.no-file"
    );
    // Another copy of this program answers with its own version.
    let ours = place.program("bin/openclaw", "#!/bin/sh\necho 'openclaw 0.1.0'\n");
    let ours = ours.to_str().unwrap();
    assert_eq!(place.code(&[("OPENCLAW_NODE_CLI", ours)]), "engine.unknown");
    assert_eq!(
        place.code(&[("PATH", place.path("bin").to_str().unwrap())]),
        "engine.missing"
    );
    let old = place.put(
        "old/package.json",
        r#"{"name": "openclaw", "version": "2025.12.1"}"#,
    );
    let old = old.with_file_name("openclaw.mjs");
    place.put("old/openclaw.mjs", "");
    let error = place
        .locate(&[("OPENCLAW_NODE_CLI", old.to_str().unwrap())])
        .unwrap_err();
    assert_eq!((error.code(), error.kind.exit_code()), ("engine.too-old", 78));
    assert!(!error.hints.is_empty());
}

#[test]
fn a_script_that_cannot_be_started_itself_is_given_to_node() {
    let place = Place::new();
    let node = place.program("bin/node", "");
    let script = place.put("package/openclaw.mjs", "");
    let host = Host::fixed(&[], [("PATH", place.path("bin"))]);
    let call = super::command(&host, &script, ["--version"]);
    assert_eq!(call.program, node);
    assert_eq!(texts(&call.args), [script.to_str().unwrap(), "--version"]);
    let script = place.program("package/openclaw.mjs", "");
    assert_eq!(super::command(&host, &script, ["--version"]).program, script);
}

#[test]
fn a_call_has_the_environment_of_one_instance_and_nothing_of_another() {
    let host = Host::fixed(&[], [("", ""); 0]);
    let mut instance = rescue();
    let call = super::call(&host, &engine(), &instance, Some(19789), ["channels", "list"]);
    assert_eq!(texts(&call.args), ["--profile", "rescue", "channels", "list"]);
    let vars: Vec<_> = call
        .env
        .iter()
        .map(|(name, value)| (name.to_str().unwrap(), value.to_str().unwrap()))
        .collect();
    assert_eq!(
        vars,
        [
            ("OPENCLAW_STATE_DIR", "/home/ada/.openclaw-rescue"),
            ("OPENCLAW_CONFIG_PATH", "/home/ada/.openclaw-rescue/openclaw.json"),
            ("OPENCLAW_PROFILE", "rescue"),
            ("OPENCLAW_GATEWAY_PORT", "19789"),
        ]
    );
    assert!(texts(&call.env_removed).contains(&"CLAWDBOT_STATE_DIR"));
    assert!(!texts(&call.env_removed).contains(&"OPENCLAW_SERVICE_MARKER"));
    instance.set_aside = vec!["OPENCLAW_GATEWAY_TOKEN"];
    let call = super::call(&host, &engine(), &instance, None, ["tui"]);
    assert!(texts(&call.env_removed).contains(&"OPENCLAW_GATEWAY_TOKEN"));
    assert!(texts(&call.env_removed).contains(&"OPENCLAW_SERVICE_MARKER"));
    let unnamed = Instance::canonical(Path::new("/home/ada"), ProfileName::default_profile());
    let call = super::call(&host, &engine(), &unnamed, None, ["tui"]);
    assert_eq!(texts(&call.args), ["tui"]);
    assert!(texts(&call.env_removed).contains(&"OPENCLAW_PROFILE"));
}

#[test]
fn a_gateway_gets_the_flags_it_knows_and_secrets_by_the_environment() {
    let host = Host::fixed(&[], [("", ""); 0]);
    let wishes = Wishes {
        bind: Some(Bind::Lan),
        auth: Some(Auth::Token),
        token: Some(Secret::new("s3cret")),
        allow_unconfigured: true,
        ..Wishes::default()
    };
    let run = |config| gateway(&host, &engine(), &rescue(), &config, 19789, &wishes);
    let call = run(json!({})).unwrap();
    assert_eq!(
        texts(&call.args).join(" "),
        "--profile rescue gateway --port 19789 --bind lan --auth token --allow-unconfigured"
    );
    let token = call.env.iter().find(|(name, _)| name == "OPENCLAW_GATEWAY_TOKEN");
    assert_eq!(token.unwrap().1, "s3cret");
    // There it would be overruled without a word.
    let error = run(json!({ "gateway": { "auth": { "token": "other" } } })).unwrap_err();
    assert_eq!((error.code(), error.kind.exit_code()), ("engine.secret", 2));
    assert!(run(json!({ "gateway": { "auth": { "token": "s3cret" } } })).is_ok());
}

#[test]
fn a_config_of_a_newer_release_is_told() {
    let config = |version: &str| json!({ "meta": { "lastTouchedVersion": version } });
    assert!(stamp(&engine(), &rescue(), &config("2026.11.1")).is_some());
    assert_eq!(stamp(&engine(), &rescue(), &config("2026.9.6")), None);
    assert_eq!(stamp(&engine(), &rescue(), &json!({})), None);
}
