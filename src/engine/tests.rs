//! Tests of the search for engines, and of the commands that run them.

#![expect(clippy::disallowed_methods, reason = "the tests make their own files")]

use serde_json::json;

use super::*;
use crate::answers::{Auth, Bind};
use crate::profile::ProfileName;
use crate::secret::Secret;

/// A temporary folder with a home folder, and the files and programs that a test writes beside it.
struct Sandbox(tempfile::TempDir);

impl Sandbox {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn write(&self, below: &str, text: &str) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Writes an executable script.
    fn write_program(&self, below: &str, text: &str) -> PathBuf {
        let (text, path) = (self.write(&format!("{below}.text"), text), self.path(below));
        // Written by another process: a child that another test starts meanwhile would hold it open.
        let host = Host::fixed(&[], [("PATH", "/usr/bin:/bin")]);
        let args = ["-m".as_ref(), "755".as_ref(), text.as_os_str(), path.as_os_str()];
        let install = crate::host::process::CommandSpec::new("install", args);
        let output = host.run(&install, std::time::Duration::from_secs(30)).unwrap();
        assert_eq!(output.code, Some(0), "{output:?}");
        path
    }

    /// Locates the engine in an environment of these variables.
    fn locate(&self, vars: &[(&str, &str)]) -> Result<NodeEngine> {
        let home = self.path("home");
        let home = ("HOME", home.to_str().unwrap());
        let host = Host::fixed(&[], vars.iter().copied().chain([home]));
        locate(&host, &Environment::read(&host).unwrap())
    }

    /// Returns the code of the error with which locating the engine fails.
    fn locate_error(&self, vars: &[(&str, &str)]) -> &'static str {
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
        node: None,
    }
}

fn texts(values: &[std::ffi::OsString]) -> Vec<&str> {
    values.iter().map(|value| value.to_str().unwrap()).collect()
}

#[test]
fn wrapper_outside_of_its_package_is_asked_for_its_version() {
    for (printed, version) in [
        ("OpenClaw 2026.9.6 (eb377ac)", "2026.9.6"),
        ("2026.1.30", "2026.1.30"),
    ] {
        let sandbox = Sandbox::new();
        let wrapper = sandbox.write_program("bin/openclaw", &format!("#!/bin/sh\necho '{printed}'\n"));
        let folder = sandbox.path("bin");
        let found = sandbox.locate(&[("PATH", folder.to_str().unwrap())]).unwrap();
        assert_eq!(
            (found.path, found.version.as_str()),
            (wrapper.clone(), version),
            "{printed}"
        );
        let named = sandbox.locate(&[("OPENCLAW_NODE_CLI", wrapper.to_str().unwrap())]);
        assert_eq!(named.unwrap().version, version);
    }
}

#[test]
fn wrapper_script_is_known_by_the_package_that_it_starts() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "package/package.json",
        r#"{"name": "openclaw", "version": "2026.9.6"}"#,
    );
    let entry = sandbox.write("package/openclaw.mjs", "");
    // It is not run: it would answer with another version.
    let script = format!(
        "#!/bin/sh\n# /nowhere/openclaw.mjs\necho 2026.1.30; exit 1\nexec node \"{}\" \"$@\"\n",
        entry.display()
    );
    let wrapper = sandbox.write_program("bin/openclaw", &script);
    let host = Host::fixed(&[], [("OPENCLAW_NODE_CLI", wrapper.to_str().unwrap())]);
    let env = Environment {
        node_cli: Some(wrapper.clone()),
        ..Environment::default()
    };
    let found = find_package(&host, &env).unwrap();
    assert_eq!((found.path, found.version.as_str()), (wrapper, "2026.9.6"));
}

#[test]
fn command_that_is_no_openclaw_from_npm_is_an_error_with_a_way_out() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.locate_error(&[]), "engine.missing");
    assert_eq!(
        sandbox.locate_error(&[("OPENCLAW_NODE_CLI", "/nowhere/openclaw")]),
        "engine.no-file"
    );
    // Another copy of this program answers with its own version.
    let ours = sandbox.write_program("bin/openclaw", "#!/bin/sh\necho 'openclaw 0.1.0'\n");
    let ours = ours.to_str().unwrap();
    assert_eq!(
        sandbox.locate_error(&[("OPENCLAW_NODE_CLI", ours)]),
        "engine.unknown"
    );
    assert_eq!(
        sandbox.locate_error(&[("PATH", sandbox.path("bin").to_str().unwrap())]),
        "engine.missing"
    );
    let old = sandbox.write(
        "old/package.json",
        r#"{"name": "openclaw", "version": "2025.12.1"}"#,
    );
    let old = old.with_file_name("openclaw.mjs");
    sandbox.write("old/openclaw.mjs", "");
    let error = sandbox
        .locate(&[("OPENCLAW_NODE_CLI", old.to_str().unwrap())])
        .unwrap_err();
    assert_eq!((error.code(), error.kind.exit_code()), ("engine.too-old", 78));
    assert!(!error.hints.is_empty());
}

#[test]
fn script_that_is_not_executable_is_run_by_node() {
    let sandbox = Sandbox::new();
    let node = sandbox.write_program("bin/node", "");
    let script = sandbox.write("package/openclaw.mjs", "");
    let host = Host::fixed(&[], [("PATH", sandbox.path("bin"))]);
    let command = super::command(&host, &script, None, ["--version"]);
    assert_eq!(command.program, node);
    assert_eq!(texts(&command.args), [script.to_str().unwrap(), "--version"]);
    let script = sandbox.write_program("package/openclaw.mjs", "");
    assert_eq!(
        super::command(&host, &script, None, ["--version"]).program,
        script
    );
}

#[test]
fn command_has_the_environment_of_one_instance_and_nothing_of_another() {
    let host = Host::fixed(&[], [("", ""); 0]);
    let mut instance = rescue();
    let command = command_for_instance(
        &host,
        &engine(),
        &instance,
        Port::new(19789),
        ["channels", "list"],
    );
    assert_eq!(texts(&command.args), ["--profile", "rescue", "channels", "list"]);
    let vars: Vec<_> = command
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
    assert!(texts(&command.env_removed).contains(&"CLAWDBOT_STATE_DIR"));
    assert!(!texts(&command.env_removed).contains(&"OPENCLAW_SERVICE_MARKER"));
    instance.ignored_variables = vec!["OPENCLAW_GATEWAY_TOKEN"];
    let command = command_for_instance(&host, &engine(), &instance, None, ["tui"]);
    assert!(texts(&command.env_removed).contains(&"OPENCLAW_GATEWAY_TOKEN"));
    assert!(texts(&command.env_removed).contains(&"OPENCLAW_SERVICE_MARKER"));
    let unnamed = Instance::canonical(Path::new("/home/ada"), ProfileName::default_profile());
    let command = command_for_instance(&host, &engine(), &unnamed, None, ["tui"]);
    assert_eq!(texts(&command.args), ["tui"]);
    assert!(texts(&command.env_removed).contains(&"OPENCLAW_PROFILE"));
}

#[test]
fn gateway_gets_flags_as_arguments_and_secrets_in_the_environment() {
    let host = Host::fixed(&[], [("", ""); 0]);
    let overrides = RunOverrides {
        bind: Some(Bind::Lan),
        auth: Some(Auth::Token),
        token: Some(Secret::new("s3cret")),
        allow_unconfigured: true,
        ..RunOverrides::default()
    };
    let (env, instance) = (Environment::default(), rescue());
    let context = InstanceContext {
        host: &host,
        env: &env,
        instance: &instance,
    };
    let run = |config| gateway_command(context, &engine(), &config, Port::known(19789), &overrides);
    let command = run(json!({})).unwrap();
    assert_eq!(
        texts(&command.args).join(" "),
        "--profile rescue gateway --port 19789 --bind lan --auth token --allow-unconfigured"
    );
    let token = command
        .env
        .iter()
        .find(|(name, _)| name == "OPENCLAW_GATEWAY_TOKEN");
    assert_eq!(token.unwrap().1, "s3cret");
    // The token of the config would override that of the flag without notice.
    let error = run(json!({ "gateway": { "auth": { "token": "other" } } })).unwrap_err();
    assert_eq!((error.code(), error.kind.exit_code()), ("engine.secret", 2));
    assert!(run(json!({ "gateway": { "auth": { "token": "s3cret" } } })).is_ok());
}

#[test]
fn config_of_a_newer_release_gives_a_notice() {
    let config = |version: &str| json!({ "meta": { "lastTouchedVersion": version } });
    assert!(newer_config_notice(&engine(), &rescue(), &config("2026.11.1")).is_some());
    assert_eq!(
        newer_config_notice(&engine(), &rescue(), &config("2026.9.6")),
        None
    );
    assert_eq!(newer_config_notice(&engine(), &rescue(), &json!({})), None);
}
