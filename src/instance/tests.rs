//! Tests of the paths of instances, and of what variables of the environment mean beside a profile.

use super::*;

fn env(home: &Path, vars: &[(&str, &str)]) -> Environment {
    let home = home.to_str().expect("a Unicode path");
    let vars = vars
        .iter()
        .map(|(k, v)| (*k, v.replace('~', home)))
        .chain([("HOME", home.to_owned())]);
    Environment::read(&crate::host::Host::fixed(&["openclaw"], vars)).expect("an environment")
}

fn resolve(flag: Option<&str>, vars: &[(&str, &str)]) -> (Instance, Vec<&'static str>) {
    let home = Path::new("/nonexistent/home");
    let flag = flag.map(|name| ProfileName::parse(name).unwrap());
    let instance = Instance::resolve(&env(home, vars), flag.as_ref()).expect("resolves");
    let keys = instance.notices.iter().map(Msg::key).collect();
    (instance, keys)
}

fn state(flag: Option<&str>, vars: &[(&str, &str)]) -> String {
    let (instance, _) = resolve(flag, vars);
    let short = |path: &Path| path.to_str().unwrap().replace("/nonexistent/home", "~");
    format!(
        "{} {} {}",
        instance.profile,
        short(&instance.state_dir),
        short(&instance.config_path)
    )
}

#[test]
fn each_profile_has_a_folder_of_its_own() {
    assert_eq!(state(None, &[]), "default ~/.openclaw ~/.openclaw/openclaw.json");
    assert_eq!(
        state(Some("rescue"), &[]),
        "rescue ~/.openclaw-rescue ~/.openclaw-rescue/openclaw.json"
    );
    assert_eq!(
        state(Some("Rescue"), &[]),
        "Rescue ~/.openclaw-Rescue ~/.openclaw-Rescue/openclaw.json"
    );
    assert_eq!(
        state(None, &[("OPENCLAW_PROFILE", "rescue")]),
        state(Some("rescue"), &[])
    );
}

/// docs/openclaw.md#leak-inherited-environment: each variable of another profile's environment, alone and in pairs, changes nothing.
#[test]
fn environment_of_another_profile_is_ignored_with_one_notice() {
    let foreign = [
        ("OPENCLAW_PROFILE", "main"),
        ("OPENCLAW_STATE_DIR", "~/.openclaw"),
        ("OPENCLAW_STATE_DIR", "~/.openclaw-main"),
        ("OPENCLAW_CONFIG_PATH", "~/.openclaw/openclaw.json"),
    ];
    let companions = [
        ("OPENCLAW_GATEWAY_PORT", "18789"),
        ("OPENCLAW_GATEWAY_TOKEN", "canary"),
        ("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:18789"),
        ("OPENCLAW_LAUNCHD_LABEL", "ai.openclaw.gateway"),
    ];
    let own = state(Some("rescue"), &[]);
    for mark in foreign {
        assert_eq!(state(Some("rescue"), &[mark]), own, "{mark:?}");
        for companion in companions {
            let (instance, notices) = resolve(Some("rescue"), &[mark, companion]);
            assert_eq!(instance.env_port, None, "{mark:?} {companion:?}");
            assert_eq!(instance.env_token, None, "{mark:?} {companion:?}");
            assert_eq!(
                notices,
                ["instance.set-aside"],
                "one line for {mark:?} {companion:?}"
            );
        }
    }
    let paths = [("OPENCLAW_PROFILE", "main"), ("OPENCLAW_STATE_DIR", "/srv/main")];
    assert_eq!(
        state(Some("rescue"), &paths),
        own,
        "what a named other profile brings is its own"
    );
}

#[test]
fn service_environment_without_a_profile_belongs_to_the_default_instance() {
    let vars = [
        ("OPENCLAW_SERVICE_MARKER", "openclaw"),
        ("OPENCLAW_GATEWAY_PORT", "18789"),
    ];
    assert_eq!(resolve(Some("rescue"), &vars).0.env_port, None);
    assert_eq!(resolve(Some("default"), &vars).0.env_port, Port::new(18789));
}

#[test]
fn custom_paths_and_port_of_the_user_are_used_with_a_notice() {
    let (instance, notices) = resolve(Some("rescue"), &[("OPENCLAW_STATE_DIR", "/srv/x")]);
    assert_eq!(instance.config_path, Path::new("/srv/x/openclaw.json"));
    assert_eq!(notices, ["instance.custom-path"]);
    assert_eq!(
        resolve(Some("rescue"), &[("OPENCLAW_GATEWAY_PORT", "20123")])
            .0
            .env_port,
        Port::new(20123)
    );
}

/// docs/openclaw.md#leak-state-folder-alone: the state folder alone moves config and state together.
#[test]
fn state_folder_alone_moves_the_config() {
    assert_eq!(
        state(None, &[("OPENCLAW_STATE_DIR", "/srv/x")]),
        "default /srv/x /srv/x/openclaw.json"
    );
}

#[test]
fn two_paths_without_a_profile_select_an_instance() {
    let vars = [
        ("OPENCLAW_CONFIG_PATH", "~/.openclaw/main.json"),
        ("OPENCLAW_STATE_DIR", "~/.openclaw-main"),
    ];
    assert_eq!(state(None, &vars), "main ~/.openclaw-main ~/.openclaw/main.json");
    let command = "OPENCLAW_CONFIG_PATH=/nonexistent/home/.openclaw/main.json openclaw --profile main";
    assert_eq!(resolve(None, &vars).0.command(), command);
    assert_eq!(
        state(Some("main"), &vars[..1]),
        state(None, &vars),
        "the command leads there"
    );
}

#[test]
fn command_selects_the_paths_of_the_instance() {
    let command = |flag, vars: &[_]| resolve(flag, vars).0.command();
    assert_eq!(command(None, &[]), "openclaw");
    assert_eq!(command(Some("rescue"), &[]), "openclaw --profile rescue");
    let moved = [("OPENCLAW_STATE_DIR", "/srv/a b")];
    assert_eq!(command(None, &moved), "OPENCLAW_STATE_DIR='/srv/a b' openclaw");
    assert_eq!(
        command(Some("rescue"), &moved),
        "OPENCLAW_STATE_DIR='/srv/a b' openclaw --profile rescue"
    );
    assert_eq!(shell_quote(Path::new("/h/it's")), r"'/h/it'\''s'");
}

#[test]
fn unusable_port_in_the_environment_is_refused() {
    let env = env(
        Path::new("/nonexistent/home"),
        &[("OPENCLAW_GATEWAY_PORT", "99999")],
    );
    let profile = ProfileName::parse("rescue").unwrap();
    assert_eq!(
        Instance::resolve(&env, Some(&profile)).unwrap_err().code(),
        "environment.port"
    );
}

#[test]
fn name_that_differs_by_case_from_an_existing_folder_is_refused() {
    let home = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test makes its own folder")]
    std::fs::create_dir(home.path().join(".openclaw-rescue")).unwrap();
    let env = env(home.path(), &[]);
    let resolve = |name| Instance::resolve(&env, Some(&ProfileName::parse(name).unwrap()));
    assert_eq!(resolve("Rescue").unwrap_err().code(), "profile.case");
    assert!(resolve("rescue").is_ok());
}

#[test]
fn id_of_an_instance_is_stable_and_unique() {
    let id = |name: &str| Instance::canonical(Path::new("/h"), ProfileName::parse(name).unwrap()).id();
    // sha256 of "/h/.openclaw-rescue/openclaw.json"
    assert_eq!(id("rescue"), "3c9c4cc26221d4d4");
    assert_ne!(id("rescue"), id("main"));
}
