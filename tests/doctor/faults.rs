//! The table of seeded faults: what each is found as, how bad, how it is mended, and that the mend mends.

use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::{chmod, doctor, findings, healthy};
use crate::support::{Sandbox, network};

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
const RUNS: [&str; 6] = [
    "config set",
    "config unset",
    "sed -i",
    "cp --remove",
    "rm -r",
    "chmod ",
];

/// Runs the command that mends; a new token stands ready for what asks for one.
fn mend(sandbox: &Sandbox, command: &str) {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_openclaw"));
    let folder = program.parent().expect("a folder").display();
    let mut child = std::process::Command::new("sh")
        .args(["-c", command])
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

const FAULTS: &[Fault] = &[
    told("isolation-state", "error", "rescue onboard", |s| {
        let nested = s.path(".openclaw/inner");
        std::fs::create_dir_all(&nested).expect("a folder");
        std::fs::remove_dir_all(s.path(".openclaw-rescue")).expect("a folder");
        symlink(nested, s.path(".openclaw-rescue")).expect("a link");
        s.write(
            ".openclaw/inner/openclaw.json",
            "{ gateway: { mode: 'local', port: 19789 } }",
        );
    }),
    fixed("isolation-link", "error", |s| {
        std::fs::create_dir_all(s.path(".openclaw/identity")).expect("a folder");
        symlink(s.path(".openclaw/identity"), s.path(".openclaw-rescue/identity")).expect("a link");
    }),
    told(
        "isolation-workspace",
        "error",
        "config set agents.defaults.workspace",
        |s| {
            let theirs = s.path(".openclaw/workspace").display().to_string();
            edit(s, |c| c["agents"]["defaults"]["workspace"] = theirs.into());
        },
    ),
    fixed("isolation-log", "error", |s| {
        let log = s.path("one.log").display().to_string();
        edit_both(s, |c| c["logging"] = json!({ "file": log }));
    }),
    fixed("isolation-canvas", "error", |s| {
        let root = s.path("canvas").display().to_string();
        edit_both(s, |c| c["canvasHost"] = json!({ "root": root }));
    }),
    told(
        "isolation-token",
        "error",
        "rescue config unset channels.telegram.botToken",
        |s| {
            edit_both(s, |c| {
                c["channels"] = json!({ "telegram": { "botToken": "123456:SEEDED-BOT-TOKEN" } });
            });
        },
    ),
    told(
        "isolation-auth",
        "warning",
        "rescue config set gateway.auth.token --stdin",
        |s| {
            edit_both(s, |c| {
                c["gateway"]["auth"]["token"] = "SEEDED-GATEWAY-TOKEN-0123".into();
            });
        },
    ),
    told("ports-conflict", "error", "rescue config set gateway.port", |s| {
        edit(s, |c| c["gateway"]["port"] = 18790.into());
    }),
    told(
        "ports-overlap",
        "warning",
        "rescue config set gateway.port",
        |s| {
            edit(s, |c| c["gateway"]["port"] = 18829.into());
        },
    ),
    told(
        "ports-ephemeral",
        "warning",
        "rescue config set gateway.port",
        |s| {
            edit(s, |c| c["gateway"]["port"] = 40000.into());
        },
    ),
    fixed("ports-unusable", "error", |s| {
        edit(s, |c| c["gateway"]["port"] = 80.into());
    }),
    told("config-missing", "error", "rescue onboard", |s| {
        std::fs::remove_file(s.path(CONFIG)).expect("a file");
    }),
    told("config-broken", "error", "rescue config validate", |s| {
        s.write(CONFIG, "{ \"gateway\": ");
    }),
    fixed("config-broken", "error", |s| {
        s.write(".openclaw-rescue/openclaw.json.bak", s.read(CONFIG));
        chmod(&s.path(".openclaw-rescue/openclaw.json.bak"), 0o600);
        s.write(CONFIG, "{ \"gateway\": ");
    }),
    fixed("config-invalid", "error", |s| {
        edit(s, |c| c["gateway"]["prot"] = 1.into());
    }),
    told("config-invalid", "error", "rescue config validate", |s| {
        edit(s, |c| c["gateway"]["reload"] = json!({ "mode": 7 }));
    }),
    // The early release requires a colour, the late one refuses it: neither keeps a native gateway from starting.
    told("config-one-release", "info", "rescue config validate", |s| {
        edit(s, |c| {
            c["browser"] = json!({ "profiles": { "work": { "cdpPort": 30998, "color": "#FF4500" } } });
        });
    }),
    fixed("config-legacy", "warning", |s| {
        s.write(".openclaw-rescue/clawdbot.json", "{}");
    }),
    told("config-legacy", "warning", "sed -i", |s| {
        s.write(".openclaw-rescue/.env", "CLAWDBOT_GATEWAY_PORT=1\n");
        chmod(&s.path(".openclaw-rescue/.env"), 0o600);
    }),
    fixed("config-mode", "error", |s| chmod(&s.path(CONFIG), 0o644)),
    fixed("config-backup-mode", "warning", |s| {
        s.write(".openclaw-rescue/openclaw.json.bak", "{}");
        chmod(&s.path(".openclaw-rescue/openclaw.json.bak"), 0o640);
    }),
    told("config-link", "warning", "cp --remove-destination", |s| {
        let real = s.write("dotfiles/rescue.json", s.read(CONFIG));
        chmod(&real, 0o600);
        std::fs::remove_file(s.path(CONFIG)).expect("a file");
        symlink(real, s.path(CONFIG)).expect("a link");
    }),
    told("config-newer", "warning", "rescue config validate", |s| {
        edit(s, |c| c["meta"]["lastTouchedVersion"] = "2031.1.1".into());
    }),
    fixed("gateway-mode", "error", |s| {
        edit(s, |c| {
            c["gateway"].as_object_mut().expect("an object").remove("mode");
        });
    }),
    told(
        "gateway-auth",
        "error",
        "rescue config set gateway.auth.token --stdin",
        |s| {
            edit(s, |c| {
                c["gateway"]["auth"]
                    .as_object_mut()
                    .expect("an object")
                    .remove("token");
            });
        },
    ),
    told(
        "gateway-open",
        "error",
        "rescue config set gateway.bind loopback",
        |s| {
            edit(s, |c| {
                c["gateway"]["auth"] = json!({ "mode": "none" });
                c["gateway"]["bind"] = "lan".into();
            });
        },
    ),
    told("gateway-refuses", "error", "rescue config validate", |s| {
        edit(s, |c| c["gateway"]["mode"] = "remote".into());
    }),
    told(
        "gateway-weak",
        "warning",
        "rescue config set gateway.auth.token --stdin",
        |s| {
            edit(s, |c| c["gateway"]["auth"]["token"] = "changeme".into());
        },
    ),
    told("lock-stale", "warning", "rescue gateway run", |s| {
        s.write(LOCK, sign(2_147_483_646));
    }),
    told("lock-silent", "error", "rescue gateway restart", |s| {
        let path = s.write(LOCK, sign(std::process::id()));
        let file = std::fs::File::open(path).expect("a file");
        file.lock().expect("the lock");
        // Held until this process ends.
        std::mem::forget(file);
    }),
    fixed("state-mode", "warning", |s| {
        chmod(&s.path(".openclaw-rescue"), 0o755);
    }),
    fixed("secret-mode", "error", |s| {
        let path = s.write(".openclaw-rescue/agents/main/agent/auth-profiles.json", "{}");
        chmod(&path, 0o644);
    }),
    told("state-synced", "warning", "rescue profiles export rescue", |s| {
        s.write(".stfolder/marker", "");
    }),
    fixed("record-broken", "error", |s| {
        s.write(".openclaw-rescue/instance.toml", "engine = [");
    }),
    fixed("registry-broken", "error", |s| {
        s.write(".local/state/openclaw/registry.toml", "[");
    }),
    fixed("registry-stale", "warning", |s| {
        std::fs::remove_dir_all(s.path(".openclaw-rescue")).expect("a folder");
    }),
    fixed("workspace-missing", "warning", |s| {
        std::fs::remove_dir_all(s.path(".openclaw-rescue/workspace-rescue")).expect("a folder");
    }),
    told("workspace-file", "error", "mkdir -m 700", |s| {
        std::fs::remove_dir_all(s.path(".openclaw-rescue/workspace-rescue")).expect("a folder");
        s.write(".openclaw-rescue/workspace-rescue", "a file");
    }),
    told(
        "workspace-around",
        "error",
        "rescue config set agents.defaults.workspace",
        |s| {
            let home = s.home().display().to_string();
            edit(s, |c| c["agents"]["defaults"]["workspace"] = home.into());
        },
    ),
    fixed("workspace-open", "warning", |s| {
        chmod(&s.path(".openclaw-rescue/workspace-rescue"), 0o777);
    }),
    told("service-missing", "error", "rescue gateway install", |s| {
        let wants = s.path(".config/systemd/user/default.target.wants");
        std::fs::create_dir_all(&wants).expect("a folder");
        let unit = "openclaw-gateway-rescue.service";
        symlink(s.path(".config/systemd/user").join(unit), wants.join(unit)).expect("a link");
    }),
    told("service-binary", "error", "rescue gateway install", |s| {
        unit(s, "openclaw-gateway-rescue", "/nowhere/openclaw", "");
    }),
    told("service-double", "error", "systemctl --user disable --now", |s| {
        unit(s, "openclaw-gateway-rescue", "/bin/true", "");
        unit(s, "openclaw-gateway-old", "/bin/true", "");
    }),
    told("service-name", "error", "rescue gateway install", |s| {
        unit(s, "openclaw-gateway-old", "/bin/true", "");
    }),
    fixed("service-token", "warning", |s| {
        unit(
            s,
            "openclaw-gateway-rescue",
            "/bin/true",
            "Environment=OPENCLAW_GATEWAY_TOKEN=SEEDED-UNIT-TOKEN\n",
        );
        chmod(
            &s.path(".config/systemd/user/openclaw-gateway-rescue.service"),
            0o644,
        );
    }),
    told(
        "browser-shared",
        "error",
        "rescue config unset browser.profiles.work.cdpPort",
        |s| {
            edit_both(s, |c| {
                c["browser"] = json!({ "profiles": { "work": { "cdpPort": 30999, "color": "#FF4500" } } });
            });
        },
    ),
    told(
        "browser-missing",
        "error",
        "rescue config unset browser.executablePath",
        |s| {
            edit(s, |c| {
                c["browser"] = json!({ "executablePath": "/nowhere/chromium" });
            });
        },
    ),
    told("service-older", "warning", "rescue gateway install", |s| {
        let old = "Environment=OPENCLAW_SERVICE_VERSION=0.0.1\n";
        unit(s, "openclaw-gateway-rescue", env!("CARGO_BIN_EXE_openclaw"), old);
    }),
    told(
        "service-drift",
        "warning",
        "rescue gateway install --force",
        |s| {
            let mark = s.run(["--profile", "rescue", "gateway", "install", "--dry-run", "--json"]);
            let file = &mark.exits(0).json()["files"][0];
            let path = file["path"].as_str().expect("a path");
            let text = file["content"].as_str().expect("a text");
            let below = std::path::Path::new(path)
                .strip_prefix(s.home())
                .expect("at home");
            s.write(below, format!("{text}# by hand\n"));
        },
    ),
    told("browser-port", "warning", "rescue browser doctor", |s| {
        edit(s, |c| {
            c["browser"] = json!({ "defaultProfile": "work", "profiles": {
                "work": { "cdpPort": 31999, "color": "#FF4500" } } });
        });
        listening(31999);
    }),
    told("browser-remote", "warning", "rescue browser doctor", |s| {
        edit(s, |c| {
            c["browser"] = json!({ "defaultProfile": "far", "profiles": {
                "far": { "cdpUrl": "http://192.0.2.1:31998", "color": "#FF4500" } } });
        });
    }),
    told("ports-held", "error", "rescue config set gateway.port", |_| {
        listening(19789)
    }),
    told(
        "ports-held-derived",
        "warning",
        "rescue config set gateway.port",
        |_| {
            listening(19791);
        },
    ),
    told("state-synced", "warning", "profiles export rescue", |s| {
        let real = s.path("Dropbox/rescue");
        std::fs::create_dir_all(s.path("Dropbox")).expect("a folder");
        std::fs::rename(s.path(".openclaw-rescue"), &real).expect("a move");
        symlink(real, s.path(".openclaw-rescue")).expect("a link");
    }),
    told("state-leftover", "warning", "rm -r", |s| {
        s.write(".openclaw-rescue/.restore-20261122/state/a", "a");
    }),
    told("state-leftover", "warning", "rm -r", |s| {
        s.write(".openclaw-rescue.import-20261122/state/a", "a");
    }),
    told("engine-missing", "error", "npm install -g openclaw", |s| {
        s.write(".openclaw-rescue/instance.toml", "engine = 'node'\n");
    }),
];

#[test]
fn each_seeded_fault_is_found_and_mended() {
    network::own("doctor::faults::each_seeded_fault_is_found_and_mended", || {
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
