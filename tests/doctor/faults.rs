//! The table of seeded faults: what each is found as, how bad, how it is mended, and that the mend mends.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::{doctor, findings, healthy};
use crate::support::{Sandbox, network};

mod table;

use table::FAULTS;

/// A fault: how it is seeded, and what must be said about it.
struct Fault {
    id: &'static str,
    severity: &'static str,
    /// What the mending command holds.
    mend: &'static str,
    /// Whether `--fix` mends it.
    fixed: bool,
    seed: fn(&Sandbox),
}

const LOCK: &str = ".openclaw-rescue/gateway.lock";
const CONFIG: &str = ".openclaw-rescue/openclaw.json";

/// Changes the rescue bot's config.
fn edit(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) {
    let mut config: Value = serde_json::from_str(&sandbox.read(CONFIG)).expect("JSON");
    change(&mut config);
    sandbox.write(CONFIG, config.to_string());
}

fn edit_both(sandbox: &Sandbox, change: impl Fn(&mut Value)) {
    for path in [CONFIG, ".openclaw/openclaw.json"] {
        let mut config: Value = serde_json::from_str(&sandbox.read(path)).expect("JSON");
        change(&mut config);
        sandbox.write(path, config.to_string());
    }
}

/// The words that a gateway leaves in its lock.
fn sign(pid: u32) -> String {
    json!({ "pid": pid, "port": 19789, "profile": "rescue", "startedAt": "2026-11-22T10:00:00.000Z" })
        .to_string()
}

/// Somebody listens there until the next fault is seeded.
fn listening(port: u16) {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).expect("a free port");
    *LISTENER.lock().expect("a listener") = Some(listener);
}

static LISTENER: Mutex<Option<std::net::TcpListener>> = Mutex::new(None);

/// Commands that mend by themselves, as they stand.
const RUNS: [&str; 8] = [
    "config set",
    "config unset",
    "sed -i",
    "cp --remove",
    "rm -r",
    "chmod ",
    "mv /",
    " onboard",
];

/// Runs the command that mends; a new token stands ready for what asks for one.
pub(super) fn mend(sandbox: &Sandbox, command: &str) {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_openclaw"));
    let folder = program.parent().expect("a folder").display();
    let asks = command.ends_with(" onboard");
    let silent = if asks {
        " --non-interactive --accept-risk"
    } else {
        ""
    };
    let mut child = std::process::Command::new("sh")
        .args(["-c", &format!("{command}{silent}")])
        .env_clear()
        .env("HOME", sandbox.home())
        .env("PATH", format!("{folder}:/usr/bin:/bin"))
        .current_dir(sandbox.home())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("a shell");
    let token = format!("{:048x}", sandbox.home().display().to_string().len());
    // Who asks for nothing may have ended already.
    let _ = child.stdin.take().expect("piped").write_all(token.as_bytes());
    assert!(child.wait().expect("an end").success(), "{command}");
}

fn unit(sandbox: &Sandbox, name: &str, exec: &str, more: &str) {
    sandbox.write(
        format!(".config/systemd/user/{name}.service"),
        format!(
            "[Service]\nExecStart={exec} gateway run\nEnvironment=OPENCLAW_PROFILE=rescue\n\
             Environment=OPENCLAW_STATE_DIR={0}\nEnvironment=OPENCLAW_CONFIG_PATH={0}/openclaw.json\n{more}",
            sandbox.path(".openclaw-rescue").display()
        ),
    );
}

const fn fixed(id: &'static str, severity: &'static str, seed: fn(&Sandbox)) -> Fault {
    Fault {
        id,
        severity,
        mend: "openclaw --profile rescue doctor --fix",
        fixed: true,
        seed,
    }
}

const fn told(id: &'static str, severity: &'static str, mend: &'static str, seed: fn(&Sandbox)) -> Fault {
    Fault {
        id,
        severity,
        mend,
        fixed: false,
        seed,
    }
}

#[test]
fn each_seeded_fault_is_found_and_mended() {
    network::own(|| {
        assert!(FAULTS.len() >= 30);
        let mut wrong = Vec::new();
        for fault in FAULTS {
            *LISTENER.lock().expect("a listener") = None;
            let sandbox = healthy();
            (fault.seed)(&sandbox);
            let before = sandbox.tree();
            let ran = doctor(&sandbox, &[]);
            let document = ran.json();
            assert_eq!(sandbox.tree(), before, "{}: a look changes nothing", fault.id);
            assert!(!ran.stdout.contains("SEEDED"), "{}: {}", fault.id, ran.stdout);
            let mended = |f: &&Value| f["mend"].as_str().is_some_and(|mend| mend.contains(fault.mend));
            let listed = document["findings"].as_array().expect("findings");
            let found = listed.iter().filter(|f| f["id"] == fault.id).find(mended);
            let Some(found) = found else {
                wrong.push(format!("{}: not found: {}", fault.id, document["findings"]));
                continue;
            };
            let has_error = listed.iter().any(|f| f["severity"] == "error");
            if found["severity"] != fault.severity || (ran.code == 1) != has_error {
                wrong.push(format!("{}: {found}, exit {}", fault.id, ran.code));
            }
            if found["fixable"] != fault.fixed {
                wrong.push(format!("{}: fixable {}", fault.id, found["fixable"]));
            }
            let command = found["mend"].as_str().expect("a command");
            if !fault.fixed && RUNS.iter().any(|runs| command.contains(runs)) {
                mend(&sandbox, command);
                let left = findings(&sandbox, &[]);
                if left.iter().any(|f| f == found) {
                    wrong.push(format!("{}: not mended by {command}", fault.id));
                }
            }
            if fault.fixed {
                let fixed = doctor(&sandbox, &["--fix", "--yes"]);
                let left = findings(&sandbox, &[]);
                if left.iter().any(|f| f["id"] == fault.id) {
                    wrong.push(format!(
                        "{}: not mended: {}\n{}",
                        fault.id, fixed.stdout, fixed.stderr
                    ));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    });
}

/// Checks whose faults a test can't make here: a network's file system, a browser that runs as root.
const UNSEEDED: [&str; 4] = [
    "state-network",
    "browser-none",
    "browser-sandbox",
    "browser-driver",
];

#[test]
fn each_check_is_seeded_somewhere() {
    let sources = [
        include_str!("../doctor.rs"),
        include_str!("faults/table.rs"),
        include_str!("host.rs"),
        include_str!("inside.rs"),
        include_str!("running.rs"),
    ];
    for check in openclaw::doctor::checks().filter(|check| !UNSEEDED.contains(&check.id)) {
        let quoted = format!("\"{}\"", check.id);
        assert!(sources.iter().any(|text| text.contains(&quoted)), "{}", check.id);
    }
}
