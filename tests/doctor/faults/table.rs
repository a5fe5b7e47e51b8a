//! The faults themselves, in the order of the families of checks.

use std::os::unix::fs::symlink;

use serde_json::json;

use super::{CONFIG, Fault, LOCK, edit, edit_both, fixed, listening, sign, told, unit};
use crate::doctor::chmod;

pub(super) const FAULTS: &[Fault] = &[
    told(
        "isolation-state",
        "error",
        "&& openclaw --profile rescue onboard",
        |s| {
            let nested = s.path(".openclaw/inner");
            std::fs::create_dir_all(&nested).expect("a folder");
            std::fs::remove_dir_all(s.path(".openclaw-rescue")).expect("a folder");
            symlink(nested, s.path(".openclaw-rescue")).expect("a link");
            s.write(
                ".openclaw/inner/openclaw.json",
                "{ gateway: { mode: 'local', port: 19789 } }",
            );
        },
    ),
    fixed("isolation-link", "error", |s| {
        std::fs::create_dir_all(s.path(".openclaw/identity")).expect("a folder");
        symlink(s.path(".openclaw/identity"), s.path(".openclaw-rescue/identity")).expect("a link");
    }),
    fixed("isolation-link", "error", |s| {
        std::fs::create_dir_all(s.path(".openclaw/agents/work")).expect("a folder");
        std::fs::create_dir_all(s.path(".openclaw-rescue/agents")).expect("a folder");
        symlink(
            s.path(".openclaw/agents/work"),
            s.path(".openclaw-rescue/agents/work"),
        )
        .expect("a link");
        // What lies behind it is main's to mend.
        let keys = s.write(".openclaw/agents/work/agent/auth-profiles.json", "{}");
        chmod(&keys, 0o644);
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
    fixed("isolation-log", "error", |s| {
        let log = s.path(".openclaw/logs/gateway.log").display().to_string();
        edit(s, |c| c["logging"] = json!({ "file": log }));
    }),
    told("isolation-browser", "error", "rescue config unset", |s| {
        let folder = s.path("chrome").display().to_string();
        edit_both(s, |c| {
            c["browser"] = json!({ "profiles": { "work": { "userDataDir": folder } } });
        });
    }),
    told("isolation-service", "error", "/.openclaw-rescue-2", |s| {
        let state = s.path("srv").display().to_string();
        s.write("srv/openclaw.json", "{ gateway: { mode: 'local', port: 24789 } }");
        let known = s.read(".local/state/openclaw/registry.toml");
        let entry = format!(
            "[[instance]]\nprofile = 'rescue'\nconfig = '{state}/openclaw.json'\nstate = '{state}'\n\
             workspace = '{state}/workspace'\nport = 24789\n"
        );
        s.write(".local/state/openclaw/registry.toml", format!("{known}\n{entry}"));
    }),
    told(
        "isolation-token",
        "error",
        "rescue config unset channels.discord.token",
        |s| {
            edit(s, |c| {
                c["channels"] = json!({ "discord": { "token": "${DISCORD}" } });
            });
            let dotenv = s.write(".openclaw-rescue/.env", "DISCORD=SEEDED-DISCORD-TOKEN\n");
            chmod(&dotenv, 0o600);
            let main = s.read(".openclaw/openclaw.json");
            let mut main: serde_json::Value = serde_json::from_str(&main).expect("JSON");
            main["channels"] = json!({ "discord": { "token": "SEEDED-DISCORD-TOKEN" } });
            s.write(".openclaw/openclaw.json", main.to_string());
        },
    ),
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
    told(
        "config-newer",
        "warning",
        "rescue config set meta.lastTouchedVersion",
        |s| {
            edit(s, |c| c["meta"]["lastTouchedVersion"] = "2031.1.1".into());
        },
    ),
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
        listening(19789);
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
    fixed("change-interrupted", "error", |s| {
        let config = s.path(CONFIG);
        let (journal, aside) = (".local/state/openclaw/journal.commit.json", s.path("aside.json"));
        std::fs::rename(&config, &aside).expect("a move");
        let step = json!({ "do": "move", "from": aside, "to": config });
        let journal_text = json!({ "version": 1, "about": config, "stage": [], "commit": [step] });
        s.write(journal, journal_text.to_string());
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
