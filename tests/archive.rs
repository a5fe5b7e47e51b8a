//! `profiles export` and `import`: no secret is exported unasked, a copy shares nothing with its original, and no hostile
//! archive writes a byte.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use crate::onboard::{base_port, change_times, config_path, onboard_ok, read_config, sandbox_with_main};
use crate::support::{Ran, Sandbox};

mod contents;
mod databases;
mod whole;

/// Returns a home folder with a `rescue` instance that has a secret in every kind of file.
fn home_with_secrets() -> Sandbox {
    let sandbox = sandbox_with_main();
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    let mut document = read_config(&sandbox, "rescue");
    document["channels"] = json!({ "telegram": { "botToken": "42:EXPORTED-BOT-TOKEN" } });
    document["logging"] = json!({ "file": sandbox.path(".openclaw-rescue/logs/x.log") });
    sandbox.write(config_path("rescue"), document.to_string());
    sandbox.write(".openclaw-rescue/.env", "KEY=SECRET-IN-ENV\n");
    sandbox.write(".openclaw-rescue/identity/device.json", "SECRET-DEVICE");
    sandbox.write(
        ".openclaw-rescue/agents/main/agent/auth-profiles.json",
        "{\"k\":\"SECRET-KEY\"}",
    );
    sandbox.write(".openclaw-rescue/cron/jobs.json", "{\"token\":\"SECRET-IN-JOB\"}");
    sandbox.write(
        ".openclaw-rescue/cron/list.json",
        "[{\"token\": \"SECRET-IN-LIST\"}]",
    );
    sandbox.write(".openclaw-rescue/cron/torn.json", "{\"token\": \"SECRET-IN-TORN");
    sandbox.write(
        ".openclaw-rescue/workspace-rescue/app/.env.local",
        "KEY=SECRET-IN-WORK\n",
    );
    sandbox.write(".openclaw-rescue/agents/main/sessions/one.jsonl", "a word\n");
    sandbox
}

/// Exports the `rescue` instance, which has to succeed, and returns the archive's path.
fn export(sandbox: &Sandbox, extra: &[&str]) -> PathBuf {
    let path = sandbox.path("out.tar.gz");
    let mut words = vec!["profiles", "export", "rescue", "out.tar.gz", "--json"];
    words.extend(extra);
    let _ = sandbox.run(words).exits(0);
    path
}

/// Imports the exported archive under this profile name.
fn import(sandbox: &Sandbox, name: &str) -> Ran {
    sandbox.run(["profiles", "import", "out.tar.gz", "--as", name, "--json"])
}

/// Returns the content of all files of an archive as one text.
fn unpacked_text(path: &Path) -> String {
    let output = std::process::Command::new("tar")
        .args(["xzOf"])
        .arg(path)
        .output()
        .expect("tar");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn imported_copy_has_its_own_ports_token_and_paths_and_no_secret() {
    let sandbox = home_with_secrets();
    let token = read_config(&sandbox, "rescue")["gateway"]["auth"]["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let path = export(&sandbox, &[]);
    let all = unpacked_text(&path);
    for secret in [&*token, "EXPORTED-BOT-TOKEN", "SECRET-"] {
        assert!(!all.contains(secret), "{secret} is in the archive");
    }
    assert!(all.contains("a word"));
    let original = change_times(&sandbox.path(".openclaw-rescue"));
    let document = import(&sandbox, "copy").exits(0).json();
    assert_eq!(document["missing"], json!(["channels.telegram.botToken"]));
    let copy = read_config(&sandbox, "copy");
    assert_ne!(base_port(&sandbox, "copy"), base_port(&sandbox, "rescue"));
    let new = copy["gateway"]["auth"]["token"].as_str().expect("a token");
    assert!(new.len() == 48 && new != token);
    assert_eq!(
        copy["logging"]["file"],
        json!(sandbox.path(".openclaw-copy/logs/x.log"))
    );
    assert!(!copy.to_string().contains(".openclaw-rescue"), "{copy}");
    assert_eq!(
        sandbox.read(".openclaw-copy/agents/main/sessions/one.jsonl"),
        "a word\n"
    );
    assert!(sandbox.path(".openclaw-copy/workspace-copy/SOUL.md").is_file());
    assert_eq!(change_times(&sandbox.path(".openclaw-rescue")), original);
    let found = sandbox.run(["--profile", "copy", "doctor", "--json"]).json();
    let errors: Vec<&Value> = found["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|f| f["severity"] == "error" && f["id"] != "ports-held")
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

/// Returns a config with a secret in every place in which OpenClaw 2026.9.6 hides one, and in variables, which it shows.
fn config_with_every_kind_of_secret() -> Value {
    json!({
        "gateway": {
            "mode": "local", "port": 20789, "auth": { "mode": "token", "token": "SECRET-TOKEN" },
            "remote": { "edgeAuth": { "CF-Access": "SECRET-EDGE" } },
        },
        "env": { "vars": { "GITHUB_PAT": "SECRET-PAT" }, "shellEnv": { "enabled": false }, "PLAIN": "SECRET-PLAIN" },
        "mcp": { "servers": { "gh": {
            "command": "gh-mcp", "env": { "GH_PAT": "SECRET-GH", "PIN": 918_273 }, "headers": { "X-Any": "SECRET-MCP" },
        } } },
        "channels": {
            "feishu": { "encryptKey": "SECRET-FEISHU", "appSecret": "SECRET-APP" },
            "googlechat": { "serviceAccount": "SECRET-ACCOUNT" },
        },
        "models": { "providers": { "x": {
            "apiKey": "SECRET-KEY", "headers": { "X-Plain": "SECRET-HEADER" },
            "request": { "auth": { "mode": "header", "headerName": "X", "value": "SECRET-VALUE" },
                         "tls": { "ca": "SECRET-CA", "cert": "SECRET-CERT", "passphrase": "SECRET-PHRASE" } },
        } } },
        "agents": { "defaults": { "sandbox": { "docker": { "env": { "ANY": "SECRET-DOCKER" } },
                                               "ssh": { "identityData": "SECRET-SSH" } } } },
    })
}

#[test]
fn secrets_of_every_kind_are_hidden_in_views_diffs_and_exports() {
    let sandbox = Sandbox::new();
    let config = config_with_every_kind_of_secret();
    sandbox.write(config_path("rescue"), config.to_string());
    let check = |shown: &str, what: &str| {
        assert!(
            !shown.contains("SECRET-") && !shown.contains("918273"),
            "{what}: {shown}"
        );
    };
    for key in config.as_object().expect("an object").keys() {
        let shown = sandbox
            .run(["--profile", "rescue", "config", "get", key, "--json"])
            .exits(0);
        check(&shown.stdout, key);
    }
    let one = sandbox.run([
        "--profile",
        "rescue",
        "config",
        "get",
        "mcp.servers.gh.env.GH_PAT",
    ]);
    check(&one.stdout, "one value");
    let dry = [
        "--profile",
        "rescue",
        "onboard",
        "--non-interactive",
        "--accept-risk",
        "--dry-run",
    ];
    for extra in [
        &[][..],
        &["--json"],
        &["--gateway-bind", "lan"],
        &["--gateway-bind", "lan", "--json"],
    ] {
        let shown = sandbox.run([&dry, extra].concat()).exits(0);
        check(&shown.stdout, "a plan");
    }
    let all = unpacked_text(&export(&sandbox, &[]));
    check(&all, "an export");
    let _ = import(&sandbox, "copy").exits(0);
    let copy = read_config(&sandbox, "copy");
    assert_eq!(copy["env"]["shellEnv"], json!({ "enabled": false }));
    assert_eq!(copy["mcp"]["servers"]["gh"]["command"], "gh-mcp");
}

#[test]
fn export_with_secrets_has_all_and_import_leaves_out_a_token_in_use() {
    let sandbox = home_with_secrets();
    let path = export(&sandbox, &["--with-secrets"]);
    assert!(unpacked_text(&path).contains("EXPORTED-BOT-TOKEN"));
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).expect("a file").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let document = import(&sandbox, "copy").exits(0).json();
    assert_eq!(document["missing"], json!(["channels.telegram.botToken"]));
    assert!(!sandbox.read(config_path("copy")).contains("EXPORTED-BOT-TOKEN"));
    assert_eq!(sandbox.read(".openclaw-copy/.env"), "KEY=SECRET-IN-ENV\n");
    assert!(
        !sandbox.path(".openclaw-copy/identity").exists(),
        "a device key is of one instance"
    );
}

#[test]
fn neither_export_nor_import_overwrites_anything() {
    let sandbox = home_with_secrets();
    let path = export(&sandbox, &[]);
    let again = sandbox
        .run(["profiles", "export", "rescue", "out.tar.gz", "--json"])
        .exits(2);
    assert_eq!(again.json()["code"], "archive.exists");
    assert_eq!(
        import(&sandbox, "rescue").exits(2).json()["code"],
        "archive.taken"
    );
    let before = std::fs::read(&path).expect("a file");
    let _ = sandbox
        .run(["profiles", "import", "out.tar.gz", "--as", "copy", "--dry-run"])
        .exits(0);
    assert!(!sandbox.path(".openclaw-copy").exists());
    assert_eq!(std::fs::read(&path).expect("a file"), before);
}

/// A builder of archives, good or bad, entry by entry; the manifest comes last.
struct ArchiveBuilder {
    /// The entries so far.
    tar: tar::Builder<GzEncoder<Vec<u8>>>,
    /// The files that the manifest will list.
    files: serde_json::Map<String, Value>,
}

impl ArchiveBuilder {
    /// Starts an archive that has a config.
    fn new() -> Self {
        let mut archive = Self {
            tar: tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast())),
            files: serde_json::Map::new(),
        };
        archive.file("config/openclaw.json", b"{ gateway: { mode: 'local' } }");
        archive
    }

    /// Adds an entry of any name and type, which the manifest will not list.
    fn raw(&mut self, name: &str, kind: EntryType, bytes: &[u8]) {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o777);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("/etc/passwd").expect("a name");
        }
        header.set_cksum();
        self.tar.append(&header, bytes).expect("an entry");
    }

    /// Adds a regular file, which the manifest will list.
    fn file(&mut self, name: &str, bytes: &[u8]) {
        self.raw(name, EntryType::Regular, bytes);
        let hash = hex::encode(Sha256::digest(bytes));
        let entry = json!({ "path": name, "size": bytes.len(), "sha256": hash });
        self.files.insert(name.to_owned(), entry);
    }

    /// Returns the manifest of the files so far.
    fn manifest(&self, version: u32) -> Value {
        json!({
            "version": version, "kind": "export", "profile": "x", "created": "now", "program": "0",
            "reason": "export", "secrets": false, "home": "/h", "config": "/h/c", "state": "/h/s",
            "workspace": null, "files": self.files,
        })
    }

    /// Ends the archive with this manifest and returns its bytes.
    fn end(mut self, manifest: &Value) -> Vec<u8> {
        self.raw(
            "manifest.json",
            EntryType::Regular,
            manifest.to_string().as_bytes(),
        );
        self.tar.into_inner().expect("an end").finish().expect("an end")
    }

    /// Ends the archive with a true manifest and returns its bytes.
    fn finish(self) -> Vec<u8> {
        let manifest = self.manifest(1);
        self.end(&manifest)
    }
}

/// Returns an archive with a change and a true manifest.
fn archive_with(change: impl FnOnce(&mut ArchiveBuilder)) -> Vec<u8> {
    let mut archive = ArchiveBuilder::new();
    change(&mut archive);
    archive.finish()
}

/// Returns archives whose manifest is false, missing, or of a later version, each with the code of its refusal.
fn archives_with_false_manifests() -> Vec<(&'static str, Vec<u8>)> {
    let newer = {
        let archive = ArchiveBuilder::new();
        let manifest = archive.manifest(3);
        archive.end(&manifest)
    };
    let wrong = {
        let archive = ArchiveBuilder::new();
        let mut manifest = archive.manifest(1);
        manifest["files"]["config/openclaw.json"]["sha256"] = "0".repeat(64).into();
        archive.end(&manifest)
    };
    let unlisted = archive_with(|h| h.raw("state/extra", EntryType::Regular, b"x"));
    let renamed = {
        let archive = ArchiveBuilder::new();
        let mut manifest = archive.manifest(1);
        manifest["files"]["config/openclaw.json"]["path"] = "state/../../x".into();
        archive.end(&manifest)
    };
    let headless = {
        let archive = ArchiveBuilder::new();
        archive
            .tar
            .into_inner()
            .expect("an end")
            .finish()
            .expect("an end")
    };
    let after = {
        let mut archive = ArchiveBuilder::new();
        let manifest = archive.manifest(1);
        archive.raw(
            "manifest.json",
            EntryType::Regular,
            manifest.to_string().as_bytes(),
        );
        archive.raw("state/late", EntryType::Regular, b"x");
        archive
            .tar
            .into_inner()
            .expect("an end")
            .finish()
            .expect("an end")
    };
    vec![
        ("archive.name", renamed),
        ("archive.no-manifest", headless),
        (
            "archive.no-manifest",
            ArchiveBuilder::new().end(&json!("no manifest")),
        ),
        ("archive.newer", newer),
        ("archive.hash", wrong),
        ("archive.hash", unlisted),
        ("archive.hash", after),
    ]
}

/// Returns archives with an entry that no export makes, each with the code of its refusal.
fn archives_with_bad_entries() -> Vec<(&'static str, Vec<u8>)> {
    let file = |name: &str| archive_with(|archive| archive.file(name, b"x"));
    let raw = |name: &str, kind, bytes: &[u8]| archive_with(|archive| archive.raw(name, kind, bytes));
    let two_files = |first: &str, second: &str| {
        archive_with(|archive| {
            archive.file(first, b"1");
            archive.file(second, b"2");
        })
    };
    let repeated = archive_with(|archive| {
        archive.file("state/a", b"1");
        archive.raw("state/a", EntryType::Regular, b"2");
    });
    let zeros = vec![0_u8; 64 * 1024 * 1024];
    let bomb = archive_with(|archive| archive.file("state/bomb", &zeros));
    vec![
        ("archive.name", file("../evil")),
        ("archive.name", file("state/../../evil")),
        ("archive.name", file("/tmp/evil")),
        ("archive.name", file("state/a\\b")),
        ("archive.name", file("elsewhere/x")),
        ("archive.type", raw("state/link", EntryType::Symlink, b"")),
        ("archive.type", raw("state/link", EntryType::Link, b"")),
        ("archive.type", raw("state/device", EntryType::Char, b"")),
        ("archive.type", raw("state/pipe", EntryType::Fifo, b"")),
        (
            "archive.type",
            raw("state/long", EntryType::GNULongName, b"state/x\0"),
        ),
        ("archive.twice", repeated),
        ("archive.twice", two_files("state/a", "state/a/b")),
        ("archive.bound", bomb),
    ]
}

/// Returns archives with a link or an empty folder that no export has, each with the code of its refusal.
fn archives_with_bad_links() -> Vec<(&'static str, Vec<u8>)> {
    let with = |links: Value, folders: Value| {
        let mut archive = ArchiveBuilder::new();
        archive.file("state/a/b", b"x");
        let mut manifest = archive.manifest(2);
        manifest["links"] = links;
        manifest["folders"] = folders;
        archive.end(&manifest)
    };
    let link = |path: &str, target: &str| with(json!({ path: target }), json!([]));
    vec![
        ("archive.link", link("state/l", "/etc/passwd")),
        ("archive.link", link("state/l", "../l")),
        ("archive.link", link("workspace/a/l", "../../.ssh")),
        ("archive.link", link("state/l", "a/../../../x")),
        ("archive.name", link("../l", "a")),
        ("archive.name", link("elsewhere/l", "a")),
        ("archive.twice", link("state/a", "b")),
        ("archive.twice", link("state/a/b", "c")),
        ("archive.twice", link("state/a/b/c", "d")),
        ("archive.twice", with(json!({}), json!(["state/a/b"]))),
        ("archive.name", with(json!({}), json!(["state/../../x"]))),
    ]
}

#[test]
fn hostile_archives_are_refused_before_anything_is_written() {
    let mut no_tar = GzEncoder::new(Vec::new(), Compression::fast());
    no_tar
        .write_all(b"compressed, but not a tar file")
        .expect("bytes");
    let mut cases = archives_with_bad_entries();
    cases.extend(archives_with_bad_links());
    cases.extend(archives_with_false_manifests());
    cases.push(("archive.unreadable", no_tar.finish().expect("an end")));
    cases.push(("archive.unreadable", b"no gzip".to_vec()));
    for (code, bytes) in cases {
        let sandbox = Sandbox::new();
        sandbox.write("out.tar.gz", bytes);
        let before = sandbox.tree();
        let ran = import(&sandbox, "copy").exits(1);
        assert_eq!(ran.json()["code"], code, "{}", ran.stderr);
        assert_eq!(sandbox.tree(), before, "{code}: nothing is written");
    }
    // The archive without a change is accepted.
    let sandbox = Sandbox::new();
    sandbox.write("out.tar.gz", ArchiveBuilder::new().finish());
    let _ = import(&sandbox, "copy").exits(0);
}

#[test]
fn export_of_a_file_that_compresses_well_can_be_imported() {
    let sandbox = home_with_secrets();
    let path = sandbox.write(".openclaw-rescue/memory/sparse", "");
    let file = std::fs::File::options().write(true).open(path).expect("a file");
    file.set_len(48 << 20).expect("a size");
    let packed = export(&sandbox, &[]);
    let size = std::fs::metadata(packed).expect("a file").len();
    assert!(size < 8 << 20, "{size} bytes: the archive is compressed");
    let _ = import(&sandbox, "copy").exits(0);
    let copied = std::fs::metadata(sandbox.path(".openclaw-copy/memory/sparse")).expect("a file");
    assert_eq!(copied.len(), 48 << 20);
}

#[test]
fn leftovers_of_a_killed_import_are_removed_by_the_next_one() {
    let sandbox = home_with_secrets();
    let _ = export(&sandbox, &[]);
    let left = sandbox.write(".openclaw-copy.import-20261122/archive/state/a", "a");
    let _ = import(&sandbox, "copy").exits(0);
    assert!(!left.exists() && !sandbox.path(".openclaw-copy.import-20261122").exists());
}

#[test]
fn imported_copy_shares_no_path_that_the_config_of_its_original_names() {
    let sandbox = home_with_secrets();
    let mut document = read_config(&sandbox, "rescue");
    document["agents"]["list"] = json!([
        { "id": "main", "agentDir": "${HOME}/keys", "workspace": "${HOME}/.openclaw-rescue/workspace-rescue/sub" },
        { "id": "ops", "workspace": "~/ops" },
    ]);
    document["session"] = json!({ "store": "~/chats/{agentId}.json" });
    document["cron"] = json!({ "store": sandbox.path("jobs.json") });
    sandbox.write(config_path("rescue"), document.to_string());
    let _ = export(&sandbox, &[]);
    let _ = import(&sandbox, "copy").exits(0);
    let copy = read_config(&sandbox, "copy");
    let state = sandbox.path(".openclaw-copy");
    let list = &copy["agents"]["list"];
    assert_eq!(list[0]["workspace"], json!(state.join("workspace-copy/sub")));
    assert_eq!(list[1]["workspace"], json!(state.join("agents/ops/workspace")));
    assert_eq!(list[0].get("agentDir"), None, "{copy:#}");
    assert!(
        copy.pointer("/session/store").is_none() && copy.pointer("/cron/store").is_none(),
        "{copy:#}"
    );
    let found = sandbox.run(["--profile", "copy", "doctor", "--json"]).json();
    let findings = found["findings"].as_array().expect("findings").iter();
    let shared = findings
        .filter(|f| f["id"].as_str().is_some_and(|id| id.starts_with("isolation-")))
        .count();
    assert_eq!(shared, 0, "{found:#}");
}
