//! Faults of paths and models that configs name, and of ports that a key of a config pins.

use serde_json::json;

use super::{Fault, edit, edit_both, fixed_by_command, fixed_by_doctor, listen};

pub(super) const PATH_FAULTS: &[Fault] = &[
    fixed_by_command("agent-silent", "warning", "rescue config get agents", |s| {
        edit(s, |c| c["agents"]["defaults"]["model"] = "nowhere/m1".into());
    }),
    fixed_by_command("agent-fallback", "info", "rescue config get agents", |s| {
        edit(s, |c| {
            c["agents"]["defaults"]["model"] =
                json!({ "primary": "nowhere/m1", "fallbacks": ["ollama/llama"] });
        });
    }),
    // Two spellings of one path.
    fixed_by_command(
        "isolation-workspace",
        "error",
        "rescue config set agents.defaults.workspace",
        |s| {
            edit(s, |c| {
                c["agents"]["defaults"]["workspace"] = "${HOME}/.openclaw/workspace".into();
            });
        },
    ),
    fixed_by_doctor("isolation-log", "error", |s| {
        edit_both(s, |c| c["logging"] = json!({ "file": "~/one.log" }));
        s.write(".openclaw-rescue/.env", "LOGS=one\n");
        super::super::chmod(&s.path(".openclaw-rescue/.env"), 0o600);
        edit(s, |c| c["logging"] = json!({ "file": "${HOME}/${LOGS}.log" }));
    }),
    fixed_by_command(
        "config-variable",
        "error",
        "rescue config unset agents.defaults.workspace",
        |s| {
            edit(s, |c| {
                c["agents"]["defaults"]["workspace"] = "${NOPE}/ws".into();
            });
        },
    ),
    // The key that names the shared workspace is the one to change.
    fixed_by_command(
        "isolation-workspace",
        "error",
        "rescue config set 'agents.list[1].workspace'",
        |s| {
            let theirs = s.path(".openclaw/workspace").display().to_string();
            edit(s, |c| {
                c["agents"]["list"] = json!([{ "id": "main" }, { "id": "ops", "workspace": theirs }]);
            });
        },
    ),
    fixed_by_command(
        "isolation-agent",
        "error",
        "rescue config unset 'agents.list[0].agentDir'",
        |s| {
            edit_both(s, |c| {
                c["agents"]["list"] = json!([{ "id": "main", "agentDir": "${HOME}/keys" }]);
            });
        },
    ),
    fixed_by_command(
        "isolation-sessions",
        "error",
        "rescue config unset session.store",
        |s| {
            edit_both(s, |c| {
                c["session"] = json!({ "store": "~/chats/{agentId}/sessions.json" });
            });
        },
    ),
    // A path of one purpose in a folder of another purpose that is open to agents, or served.
    fixed_by_command(
        "isolation-exposed",
        "error",
        "rescue config unset canvasHost.root",
        |s| {
            let open = s.path("open").display().to_string();
            edit_both(s, |c| c["cron"] = json!({ "store": "~/open/keys/jobs.json" }));
            edit(s, |c| {
                c.as_object_mut().expect("an object").remove("cron");
                c["canvasHost"] = json!({ "root": open });
            });
        },
    ),
    fixed_by_command("isolation-data", "error", "rescue config unset cron.store", |s| {
        edit_both(s, |c| c["cron"] = json!({ "store": "~/jobs.json" }));
    }),
    fixed_by_command(
        "isolation-sandbox",
        "error",
        "config set agents.defaults.sandbox.docker.containerPrefix openclaw-sbx-rescue-",
        |s| {
            edit_both(s, |c| {
                c["agents"]["defaults"]["sandbox"] = json!({ "mode": "all" });
            });
        },
    ),
    // A pinned port is left by the key that pins it.
    fixed_by_command(
        "ports-conflict",
        "error",
        "rescue config unset browser.cdpUrl",
        |s| {
            edit(s, |c| {
                c["browser"] = json!({ "cdpUrl": "http://127.0.0.1:18791" });
            });
        },
    ),
    fixed_by_command(
        "ports-conflict",
        "error",
        "rescue config set browser.profiles.work.cdpPort 19801",
        |s| {
            edit(s, |c| {
                c["browser"] = json!({ "profiles": { "work": { "cdpPort": 18791 } } });
            });
        },
    ),
    fixed_by_command(
        "ports-conflict",
        "error",
        "openclaw config unset browser.cdpUrl",
        |s| {
            edit_both(s, |c| {
                c["browser"] = json!({ "cdpUrl": "http://127.0.0.1:19791" });
            });
            edit(s, |c| {
                c.as_object_mut().expect("an object").remove("browser");
            });
        },
    ),
    fixed_by_command(
        "ports-held-derived",
        "warning",
        "rescue config set browser.profiles.work.cdpPort 19801",
        |s| {
            edit(s, |c| {
                c["browser"] = json!({ "profiles": { "work": { "cdpPort": 29000 } } });
            });
            listen(29000);
        },
    ),
];
