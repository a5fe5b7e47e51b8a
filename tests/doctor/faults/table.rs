//! The table of seeded faults, in the order of the check families.

use std::os::unix::fs::symlink;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    CONFIG, Fault, LOCK, edit, edit_both, fixed_by_command, fixed_by_doctor, listen, lock_text, write_unit,
};
use crate::doctor::chmod;

/// Every seeded fault. Of each kind of check there is at least one.
pub(super) const FAULTS: &[Fault] = &[
    fixed_by_command(
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
    fixed_by_doctor("isolation-link", "error", |s| {
        std::fs::create_dir_all(s.path(".openclaw/identity")).expect("a folder");
        symlink(s.path(".openclaw/identity"), s.path(".openclaw-rescue/identity")).expect("a link");
    }),
    fixed_by_doctor("isolation-link", "error", |s| {
        std::fs::create_dir_all(s.path(".openclaw/agents/work")).expect("a folder");
        std::fs::create_dir_all(s.path(".openclaw-rescue/agents")).expect("a folder");
        symlink(
            s.path(".openclaw/agents/work"),
            s.path(".openclaw-rescue/agents/work"),
        )
        .expect("a link");
        // A bad mode behind the link is a fault of the default instance, not of this one.
        let keys = s.write(".openclaw/agents/work/agent/auth-profiles.json", "{}");
        chmod(&keys, 0o644);
    }),
    fixed_by_command(
        "isolation-workspace",
        "error",
        "config set agents.defaults.workspace",
        |s| {
            let theirs = s.path(".openclaw/workspace").display().to_string();
            edit(s, |c| c["agents"]["defaults"]["workspace"] = theirs.into());
        },
    ),
    fixed_by_doctor("isolation-log", "error", |s| {
        let log = s.path("one.log").display().to_string();
        edit_both(s, |c| c["logging"] = json!({ "file": log }));
    }),
    fixed_by_doctor("isolation-canvas", "error", |s| {
        let root = s.path("canvas").display().to_string();
        edit_both(s, |c| c["canvasHost"] = json!({ "root": root }));
    }),
    fixed_by_doctor("isolation-log", "error", |s| {
        let log = s.path(".openclaw/logs/gateway.log").display().to_string();
        edit(s, |c| c["logging"] = json!({ "file": log }));
    }),
    fixed_by_command("isolation-browser", "error", "rescue config unset", |s| {
        let folder = s.path("chrome").display().to_string();
        edit_both(s, |c| {
            c["browser"] = json!({ "profiles": { "work": { "userDataDir": folder } } });
        });
    }),
    fixed_by_command("isolation-service", "error", "/.openclaw-rescue-2", |s| {
        let state = s.path("srv").display().to_string();
        s.write("srv/openclaw.json", "{ gateway: { mode: 'local', port: 24789 } }");
        let known = s.read(".local/state/openclaw/registry.toml");
        let entry = format!(
            "[[instance]]\nprofile = 'rescue'\nconfig = '{state}/openclaw.json'\nstate = '{state}'\n\
             workspace = '{state}/workspace'\nport = 24789\n"
        );
        s.write(".local/state/openclaw/registry.toml", format!("{known}\n{entry}"));
    }),
    fixed_by_command(
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
    fixed_by_command(
        "isolation-token",
        "error",
        "rescue config unset channels.telegram.botToken",
        |s| {
            edit_both(s, |c| {
                c["channels"] = json!({ "telegram": { "botToken": "123456:SEEDED-BOT-TOKEN" } });
            });
        },
    ),
    fixed_by_command(
        "channel-no-engine",
        "warning",
        "rescue config unset channels.signal",
        |s| edit(s, |c| c["channels"] = json!({ "signal": { "enabled": true } })),
    ),
    fixed_by_command(
        "isolation-auth",
        "warning",
        "rescue config set gateway.auth.token --stdin",
        |s| {
            edit_both(s, |c| {
                c["gateway"]["auth"]["token"] = "SEEDED-GATEWAY-TOKEN-0123".into();
            });
        },
    ),
    fixed_by_command("ports-conflict", "error", "rescue config set gateway.port", |s| {
        edit(s, |c| c["gateway"]["port"] = 18790.into());
    }),
    fixed_by_command(
        "ports-overlap",
        "warning",
        "rescue config set gateway.port",
        |s| {
            edit(s, |c| c["gateway"]["port"] = 18829.into());
        },
    ),
    fixed_by_command(
        "ports-ephemeral",
        "warning",
        "rescue config set gateway.port",
        |s| {
            edit(s, |c| c["gateway"]["port"] = 40000.into());
        },
    ),
    fixed_by_doctor("ports-unusable", "error", |s| {
        edit(s, |c| c["gateway"]["port"] = 80.into());
    }),
    fixed_by_command("config-missing", "error", "rescue onboard", |s| {
        std::fs::remove_file(s.path(CONFIG)).expect("a file");
    }),
    fixed_by_command("config-broken", "error", "rescue config validate", |s| {
        s.write(CONFIG, "{ \"gateway\": ");
    }),
    fixed_by_doctor("config-broken", "error", |s| {
        s.write(".openclaw-rescue/openclaw.json.bak", s.read(CONFIG));
        chmod(&s.path(".openclaw-rescue/openclaw.json.bak"), 0o600);
        s.write(CONFIG, "{ \"gateway\": ");
    }),
    fixed_by_doctor("config-invalid", "error", |s| {
        edit(s, |c| c["gateway"]["prot"] = 1.into());
    }),
    fixed_by_command("config-invalid", "error", "rescue config validate", |s| {
        edit(s, |c| c["gateway"]["reload"] = json!({ "mode": 7 }));
    }),
    // The early release requires a colour and the late one refuses it; the native gateway starts with either.
    fixed_by_command("config-one-release", "info", "rescue config validate", |s| {
        edit(s, |c| {
            c["browser"] = json!({ "profiles": { "work": { "cdpPort": 30998, "color": "#FF4500" } } });
        });
    }),
    // A release between the known ones has this key.
    fixed_by_command("config-not-installed", "warning", "rescue config validate", |s| {
        edit(s, |c| c["channels"] = json!({ "telegramm": { "enabled": true } }));
    }),
    fixed_by_command("config-unjudged", "info", "rescue config validate", |s| {
        edit(s, |c| {
            c["meta"]["lastTouchedVersion"] = "2026.4.1".into();
            c["browser"] = json!({ "cdpPortRangeStart": 30900 });
        });
    }),
    fixed_by_doctor("config-legacy", "warning", |s| {
        s.write(".openclaw-rescue/clawdbot.json", "{}");
    }),
    fixed_by_command("config-legacy", "warning", "sed -i", |s| {
        s.write(".openclaw-rescue/.env", "CLAWDBOT_GATEWAY_PORT=1\n");
        chmod(&s.path(".openclaw-rescue/.env"), 0o600);
    }),
    fixed_by_doctor("config-mode", "error", |s| chmod(&s.path(CONFIG), 0o644)),
    fixed_by_doctor("config-backup-mode", "warning", |s| {
        s.write(".openclaw-rescue/openclaw.json.bak", "{}");
        chmod(&s.path(".openclaw-rescue/openclaw.json.bak"), 0o640);
    }),
    fixed_by_command("config-link", "warning", "cp --remove-destination", |s| {
        let real = s.write("dotfiles/rescue.json", s.read(CONFIG));
        chmod(&real, 0o600);
        std::fs::remove_file(s.path(CONFIG)).expect("a file");
        symlink(real, s.path(CONFIG)).expect("a link");
    }),
    fixed_by_command(
        "config-newer",
        "warning",
        "rescue config set meta.lastTouchedVersion",
        |s| {
            edit(s, |c| c["meta"]["lastTouchedVersion"] = "2031.1.1".into());
        },
    ),
    fixed_by_doctor("gateway-mode", "error", |s| {
        edit(s, |c| {
            c["gateway"].as_object_mut().expect("an object").remove("mode");
        });
    }),
    fixed_by_command(
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
    fixed_by_command(
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
    fixed_by_command("gateway-refuses", "error", "rescue config validate", |s| {
        edit(s, |c| c["gateway"]["mode"] = "remote".into());
    }),
    fixed_by_command(
        "gateway-weak",
        "warning",
        "rescue config set gateway.auth.token --stdin",
        |s| {
            edit(s, |c| c["gateway"]["auth"]["token"] = "changeme".into());
        },
    ),
    fixed_by_command("lock-stale", "warning", "rescue gateway run", |s| {
        s.write(LOCK, lock_text(2_147_483_646));
    }),
    fixed_by_command("lock-silent", "error", "rescue gateway restart", |s| {
        let path = s.write(LOCK, lock_text(std::process::id()));
        let file = std::fs::File::open(path).expect("a file");
        file.lock().expect("the lock");
        // Held until this process ends.
        std::mem::forget(file);
    }),
    fixed_by_doctor("state-mode", "warning", |s| {
        chmod(&s.path(".openclaw-rescue"), 0o755);
    }),
    fixed_by_doctor("secret-mode", "error", |s| {
        let path = s.write(".openclaw-rescue/agents/main/agent/auth-profiles.json", "{}");
        chmod(&path, 0o644);
    }),
    fixed_by_command("state-synced", "warning", "rescue profiles export rescue", |s| {
        s.write(".stfolder/marker", "");
    }),
    fixed_by_doctor("record-broken", "error", |s| {
        s.write(".openclaw-rescue/instance.toml", "engine = [");
    }),
    fixed_by_doctor("registry-broken", "error", |s| {
        s.write(".local/state/openclaw/registry.toml", "[");
    }),
    fixed_by_doctor("registry-stale", "warning", |s| {
        std::fs::remove_dir_all(s.path(".openclaw-rescue")).expect("a folder");
    }),
    fixed_by_doctor("workspace-missing", "warning", |s| {
        std::fs::remove_dir_all(s.path(".openclaw-rescue/workspace-rescue")).expect("a folder");
    }),
    fixed_by_command("workspace-file", "error", "mkdir -m 700", |s| {
        std::fs::remove_dir_all(s.path(".openclaw-rescue/workspace-rescue")).expect("a folder");
        s.write(".openclaw-rescue/workspace-rescue", "a file");
    }),
    fixed_by_command(
        "workspace-around",
        "error",
        "rescue config set agents.defaults.workspace",
        |s| {
            let home = s.home().display().to_string();
            edit(s, |c| c["agents"]["defaults"]["workspace"] = home.into());
        },
    ),
    fixed_by_doctor("workspace-open", "warning", |s| {
        chmod(&s.path(".openclaw-rescue/workspace-rescue"), 0o777);
    }),
    fixed_by_command("service-missing", "error", "rescue gateway install", |s| {
        let wants = s.path(".config/systemd/user/default.target.wants");
        std::fs::create_dir_all(&wants).expect("a folder");
        let unit = "openclaw-gateway-rescue.service";
        symlink(s.path(".config/systemd/user").join(unit), wants.join(unit)).expect("a link");
    }),
    fixed_by_command("service-binary", "error", "rescue gateway install", |s| {
        write_unit(s, "openclaw-gateway-rescue", "/nowhere/openclaw", "");
    }),
    fixed_by_command(
        "service-unreadable",
        "error",
        "&& openclaw --profile rescue gateway install",
        |s| {
            s.write(
                ".config/systemd/user/openclaw-gateway-rescue.service",
                b"[Service]\n# G\xfcn\n",
            );
        },
    ),
    fixed_by_command(
        "service-unreadable",
        "error",
        "openclaw-gateway-rescue.service.aside",
        |s| {
            let unit = s.path(".config/systemd/user/openclaw-gateway-rescue.service");
            std::fs::create_dir_all(unit).expect("a folder");
        },
    ),
    fixed_by_command("service-double", "error", "systemctl --user disable --now", |s| {
        write_unit(s, "openclaw-gateway-rescue", "/bin/true", "");
        write_unit(s, "openclaw-gateway-old", "/bin/true", "");
    }),
    fixed_by_command(
        "service-legacy",
        "warning",
        "clawdbot-gateway.service.aside-1 &&",
        |s| {
            write_unit(s, "clawdbot-gateway", "/bin/true", "");
        },
    ),
    fixed_by_command("service-name", "error", "rescue gateway install", |s| {
        write_unit(s, "openclaw-gateway-old", "/bin/true", "");
    }),
    fixed_by_doctor("service-token", "warning", |s| {
        write_unit(
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
    fixed_by_command(
        "browser-shared",
        "error",
        "rescue config unset browser.profiles.work",
        |s| {
            edit_both(s, |c| {
                c["browser"] = json!({ "profiles": { "work": { "cdpPort": 30999, "color": "#FF4500" } } });
            });
        },
    ),
    fixed_by_command(
        "browser-missing",
        "error",
        "rescue config unset browser.executablePath",
        |s| {
            edit(s, |c| {
                c["browser"] = json!({ "executablePath": "/nowhere/chromium" });
            });
        },
    ),
    fixed_by_command("service-older", "warning", "rescue gateway install", |s| {
        let old = "Environment=OPENCLAW_SERVICE_VERSION=0.0.1\n";
        write_unit(s, "openclaw-gateway-rescue", env!("CARGO_BIN_EXE_openclaw"), old);
    }),
    fixed_by_command(
        "service-drift",
        "warning",
        "rescue gateway install --force",
        |s| {
            let run = s.run(["--profile", "rescue", "gateway", "install", "--dry-run", "--json"]);
            let file = &run.exits(0).json()["files"][0];
            let path = file["path"].as_str().expect("a path");
            let text = file["content"].as_str().expect("a text");
            let below = std::path::Path::new(path)
                .strip_prefix(s.home())
                .expect("at home");
            s.write(below, format!("{text}# by hand\n"));
        },
    ),
    fixed_by_command("browser-port", "warning", "rescue browser doctor", |s| {
        edit(s, |c| {
            c["browser"] = json!({ "defaultProfile": "work", "profiles": {
                "work": { "cdpPort": 31999, "color": "#FF4500" } } });
        });
        listen(31999);
    }),
    fixed_by_command("browser-remote", "warning", "rescue browser doctor", |s| {
        edit(s, |c| {
            c["browser"] = json!({ "defaultProfile": "far", "profiles": {
                "far": { "cdpUrl": "http://192.0.2.1:31998", "color": "#FF4500" } } });
        });
    }),
    fixed_by_command("ports-held", "error", "rescue config set gateway.port", |_| {
        listen(19789);
    }),
    fixed_by_command(
        "ports-held-derived",
        "warning",
        "rescue config set gateway.port",
        |_| {
            listen(19791);
        },
    ),
    fixed_by_command("state-synced", "warning", "profiles export rescue", |s| {
        let real = s.path("Dropbox/rescue");
        std::fs::create_dir_all(s.path("Dropbox")).expect("a folder");
        std::fs::rename(s.path(".openclaw-rescue"), &real).expect("a move");
        symlink(real, s.path(".openclaw-rescue")).expect("a link");
    }),
    fixed_by_doctor("change-interrupted", "error", |s| {
        let config = s.path(CONFIG);
        let (journal, aside) = (".local/state/openclaw/journal.commit.json", s.path("aside.json"));
        std::fs::rename(&config, &aside).expect("a move");
        let step = json!({ "do": "move", "from": aside, "to": config });
        let journal_text = json!({ "version": 1, "about": config, "stage": [], "commit": [step] });
        s.write(journal, journal_text.to_string());
    }),
    fixed_by_command("state-leftover", "warning", "rm -r", |s| {
        s.write(".openclaw-rescue/.restore-20261122/state/a", "a");
    }),
    fixed_by_command("state-leftover", "warning", "rm -r", |s| {
        s.write(".openclaw-rescue.import-20261122/state/a", "a");
    }),
    fixed_by_doctor("devices-broken", "error", |s| {
        s.write(".openclaw-rescue/devices/paired.json", "{ \"d1\": ");
    }),
    fixed_by_command("keys-broken", "error", " onboard", |s| {
        s.write(
            ".openclaw-rescue/agents/main/agent/auth-profiles.json",
            "{ \"profiles\": ",
        );
    }),
    fixed_by_command("devices-migrated", "warning", "paired.json.migrated", |s| {
        s.write(".openclaw-rescue/devices/paired.json.migrated", "{}");
    }),
    fixed_by_command("service-drift", "warning", "systemctl --user edit", |s| {
        let run = s.run(["--profile", "rescue", "gateway", "install", "--dry-run", "--json"]);
        let file = &run.exits(0).json()["files"][0];
        let path = std::path::Path::new(file["path"].as_str().expect("a path"));
        let text = file["content"].as_str().expect("a text");
        let changed = text.replace("\n\n[Install]", "\nEnvironmentFile=-/etc/keys\n\n[Install]");
        s.write(path.strip_prefix(s.home()).expect("at home"), changed);
    }),
    fixed_by_command("engine-missing", "error", "npm install -g openclaw", |s| {
        s.write(".openclaw-rescue/instance.toml", "engine = 'node'\n");
    }),
    fixed_by_command("move-unfinished", "error", "profiles move rescue", |s| {
        let mark = r#"{"id":"a1","phase":"leaving","other":"box","at":1,"mode":"background"}"#;
        s.write(".openclaw-rescue/move.json", mark);
    }),
    fixed_by_command("engine-unfinished", "error", "engine rollback", |s| {
        let config = s.path(".openclaw-rescue/openclaw.json");
        let config = config.canonicalize().expect("a config");
        let id = hex::encode(&Sha256::digest(config.as_os_str().as_encoded_bytes())[..8]);
        let engine = |name: &str| json!({ "engine": name, "release": null });
        let journal = json!({
            "at": 1, "profile": "rescue", "config": config, "kind": "upgrade", "from": engine("native"),
            "to": engine("node"), "wasRunning": false, "before": null,
        });
        let path = format!(".local/state/openclaw/engines/switch-{id}.json");
        s.write(path, journal.to_string());
    }),
    fixed_by_command(
        "engine-release",
        "error",
        "openclaw engine install 2026.9.6",
        |s| {
            s.write(
                ".openclaw-rescue/instance.toml",
                "engine = 'node'\nrelease = '2026.9.6'\n",
            );
        },
    ),
    fixed_by_command("completion-old", "warning", "openclaw completions bash > ", |s| {
        let path = ".local/share/bash-completion/completions/openclaw";
        s.write(
            path,
            "_clap_complete_openclaw() {\n    COMPLETE=bash openclaw -- old\n}\n",
        );
    }),
    fixed_by_command("completion-old", "warning", "openclaw completions fish > ", |s| {
        // The program that it asks is gone.
        let script = s.run(["completions", "fish"]).exits(0).stdout;
        let script = script.replace(env!("CARGO_BIN_EXE_openclaw"), "/nowhere/bin/openclaw-rs");
        s.write(".config/fish/completions/openclaw.fish", script);
    }),
    fixed_by_command("man-page-old", "info", "openclaw --lang tr man --dir ", |s| {
        let page = ".TH openclaw 1 \" \" \"openclaw 0.1.0\" \"OpenClaw\"\n.SH AD\n";
        s.write(".local/share/man/tr/man1/openclaw.1", page);
    }),
];
