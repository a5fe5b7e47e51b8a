//! Rendered service files are compared with golden files, and parsed back.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{
    ServiceSpec, launchd_label, plist, task, task_name, timer_label, timer_unit_stem, unit, unit_name,
};
use crate::ports::Port;
use crate::profile::ProfileName;
use crate::record::Engine;

const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

fn profile(name: &str) -> ProfileName {
    ProfileName::parse(name).unwrap()
}

/// Returns the service of the default instance, with plain paths.
pub(crate) fn plain_spec() -> ServiceSpec {
    ServiceSpec {
        profile: ProfileName::default_profile(),
        program: PathBuf::from("/usr/local/bin/openclaw"),
        port: Port::known(18000),
        engine: Engine::Native,
        state_dir: PathBuf::from("/home/ada/.openclaw"),
        config_path: PathBuf::from("/home/ada/.openclaw/openclaw.json"),
        search_path: SEARCH_PATH.to_owned(),
        node_cli: None,
        has_timer: false,
    }
}

/// Returns a service whose paths contain every character that has a meaning in some format.
fn odd_spec() -> ServiceSpec {
    ServiceSpec {
        profile: profile("A_b"),
        program: PathBuf::from("/opt/Ağaç & Çınar/100% $HOME/openclaw"),
        port: Port::known(19789),
        state_dir: PathBuf::from("/home/ayşe gül/\"ev\" 50% <ş> $x `y` \\z & it's"),
        config_path: PathBuf::from("/home/ayşe gül/\"ev\" 50% <ş> $x `y` \\z & it's/openclaw.json"),
        ..plain_spec()
    }
}

fn windows_spec() -> ServiceSpec {
    let state = r"C:\Users\Ayşe Gül\50% & ^caret! (x)\.openclaw-A_b";
    ServiceSpec {
        program: r"C:\Program Files\Ağaç & 100%\openclaw.exe".into(),
        state_dir: state.into(),
        config_path: format!(r"{state}\openclaw.json").into(),
        ..odd_spec()
    }
}

fn assert_golden(name: &str, text: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/service/golden");
    insta::with_settings!({ snapshot_path => folder, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn units_match_the_golden_files() {
    assert_golden("unit_default", &unit::render(&plain_spec()));
    assert_golden("unit_odd", &unit::render(&odd_spec()));
    let node = ServiceSpec {
        engine: Engine::Node,
        node_cli: Some("/opt/npm/bin/openclaw".into()),
        ..plain_spec()
    };
    assert_golden("unit_node", &unit::render(&node));
}

#[test]
fn property_lists_match_the_golden_files() {
    assert_golden("agent_default", &plist::render(&plain_spec()));
    assert_golden("agent_odd", &plist::render(&odd_spec()));
}

#[test]
fn script_and_task_match_the_golden_files_and_end_lines_with_crlf() {
    let spec = windows_spec();
    let script = task::render_script(&spec);
    assert!(!script.replace("\r\n", "").contains(['\r', '\n']));
    assert_golden("script_odd", &script.replace("\r\n", "\n"));
    let path = Path::new(r"C:\Users\Ayşe Gül\50% & x\gateway.cmd");
    let document = task::render_document(&spec, path, Some(r"PC\Ayşe & Gül"));
    assert!(!document.replace("\r\n", "").contains(['\r', '\n']));
    assert_golden("task_odd", &document.replace("\r\n", "\n"));
}

#[test]
fn files_of_the_timer_match_the_golden_files() {
    assert_golden("check_unit", &unit::render_check(&odd_spec()));
    assert_golden("check_timer", &unit::render_timer(&odd_spec()));
    assert_golden("check_agent", &plist::render_check(&odd_spec()));
    let script = task::render_check_script(&windows_spec());
    assert_golden("check_script", &script.replace("\r\n", "\n"));
    let command = unit::parse(&unit::render_check(&odd_spec()), Path::new("/home/ada")).command;
    assert_eq!(command.argv[3..], ["rescue", "check", "--alert"]);
    // By their names they are services of no gateway.
    assert!(!timer_unit_stem(&odd_spec().profile).starts_with("openclaw-gateway"));
    assert!(!timer_label(&odd_spec().profile).starts_with("ai.openclaw."));
}

#[test]
fn names_are_those_of_openclaw_and_no_two_profiles_share_one() {
    let profiles = ["default", "rescue", "a-b", "A_b", "gateway", "node", "profile"].map(profile);
    let named = |name: fn(&ProfileName) -> String| profiles.iter().map(name).collect::<Vec<_>>();
    assert_eq!(
        named(unit_name)[..4],
        [
            "openclaw-gateway.service",
            "openclaw-gateway-rescue.service",
            "openclaw-gateway-a-b.service",
            "openclaw-gateway-A_b.service"
        ]
    );
    assert_eq!(
        named(launchd_label)[..6],
        [
            "ai.openclaw.gateway",
            "ai.openclaw.rescue",
            "ai.openclaw.a-b",
            "ai.openclaw.A_b",
            "ai.openclaw.profile.gateway",
            "ai.openclaw.profile.node"
        ]
    );
    assert_eq!(
        named(task_name)[..2],
        ["OpenClaw Gateway", "OpenClaw Gateway (rescue)"]
    );
    for names in [named(unit_name), named(launchd_label), named(task_name)] {
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
    }
}

#[test]
fn profile_and_port_are_passed_once_each_also_for_the_default_instance() {
    assert_eq!(
        plain_spec().args().join(" "),
        "--profile default gateway run --port 18000"
    );
}

/// Generates texts without control characters, with many characters that have a meaning in some format.
fn text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(
        " \u{a0}\"'`%$\\&<>;#=!^()-@:+{}[]~*?|şğıİÇöü🦀"
            .chars()
            .collect::<Vec<_>>(),
    );
    let any = any::<char>().prop_filter("no control character", |c| !c.is_control());
    let letter = prop_oneof![3 => special, 2 => prop::char::range('a', 'z'), 1 => any];
    prop::collection::vec(letter, 0..24).prop_map(String::from_iter)
}

fn spec() -> impl Strategy<Value = ServiceSpec> {
    let name =
        "[A-Za-z0-9][A-Za-z0-9_-]{0,9}".prop_filter_map("a profile", |name| ProfileName::parse(&name).ok());
    let cli = prop::option::of(text());
    (name, text(), text(), text(), 1_u16.., any::<bool>(), cli).prop_map(
        |(profile, program, state_dir, config_path, port, is_native, cli)| ServiceSpec {
            profile,
            program: format!("/{program}").into(),
            port: Port::known(port),
            engine: if is_native { Engine::Native } else { Engine::Node },
            state_dir: format!("/{state_dir}").into(),
            config_path: format!("/{config_path}").into(),
            search_path: SEARCH_PATH.to_owned(),
            node_cli: cli.map(|cli| format!("/{cli}").into()),
            has_timer: false,
        },
    )
}

/// Returns the command and the variables that a service file of this specification must have.
fn expected(spec: &ServiceSpec) -> (Vec<String>, Vec<(String, String)>) {
    let program = spec.program.to_string_lossy().into_owned();
    let variables = spec.variables().into_iter();
    (
        std::iter::once(program).chain(spec.args()).collect(),
        variables.map(|(name, value)| (name.to_owned(), value)).collect(),
    )
}

proptest! {
    #[test]
    fn unit_is_parsed_back(spec in spec()) {
        let (argv, variables) = expected(&spec);
        let unit = unit::parse(&unit::render(&spec), Path::new("/home/ayşe"));
        prop_assert_eq!(&unit.command.argv, &argv);
        for (name, value) in variables {
            prop_assert_eq!(unit.command.env.get(&name), Some(&value));
        }
        prop_assert!(unit.environment_files.is_empty());
    }

    #[test]
    fn exec_start_and_environment_of_a_unit_are_parsed_back(argv in prop::collection::vec(text(), 1..6), value in text()) {
        let (exec, variable) = (unit::exec_start(&argv[0], &argv[1..]), unit::environment("NAME", &value));
        let text = format!("[Service]\nExecStart={exec}\nEnvironment={variable}\n");
        let command = unit::parse(&text, Path::new("/home/ayşe")).command;
        prop_assert_eq!(&command.argv, &argv);
        prop_assert_eq!(command.env.get("NAME"), Some(&value));
    }

    #[test]
    fn property_list_is_parsed_back(spec in spec()) {
        let (argv, variables) = expected(&spec);
        let command = plist::parse(plist::render(&spec).as_bytes());
        prop_assert_eq!(&command.argv, &argv);
        prop_assert_eq!(command.env, variables.into_iter().collect());
    }

    #[test]
    fn script_is_parsed_back(mut spec in spec()) {
        // A path on Windows holds no quotation mark.
        spec.program = spec.program.to_string_lossy().replace('"', "_").into();
        let (argv, variables) = expected(&spec);
        let command = task::parse_script(&task::render_script(&spec));
        prop_assert_eq!(&command.argv, &argv);
        // A task has the search path of the login session.
        let set = variables.into_iter().filter(|(name, _)| name != "PATH").collect();
        prop_assert_eq!(command.env, set);
    }
}
