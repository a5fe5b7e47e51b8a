//! `profiles export` and `import`: no secret leaves unasked, a copy shares nothing with its original, and
//! no hostile archive writes a byte.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use crate::onboard::{base_port, change_times, config_path, onboard_ok, read_config, sandbox_with_main};
use crate::support::{Ran, Sandbox};

fn source() -> Sandbox {
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

fn export(sandbox: &Sandbox, extra: &[&str]) -> PathBuf {
    let path = sandbox.path("out.tar.gz");
    let mut words = vec!["profiles", "export", "rescue", "out.tar.gz", "--json"];
    words.extend(extra);
    let _ = sandbox.run(words).exits(0);
    path
}

fn import(sandbox: &Sandbox, name: &str) -> Ran {
    sandbox.run(["profiles", "import", "out.tar.gz", "--as", name, "--json"])
}

/// Everything of an archive, unpacked, as one text.
fn text(path: &Path) -> String {
    let output = std::process::Command::new("tar")
        .args(["xzOf"])
        .arg(path)
        .output()
        .expect("tar");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_copy_has_ports_a_token_and_paths_of_its_own_and_no_secret_came_along() {
    let sandbox = source();
    let token = read_config(&sandbox, "rescue")["gateway"]["auth"]["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let path = export(&sandbox, &[]);
    let all = text(&path);
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

#[test]
fn with_secrets_they_come_along_but_not_a_token_that_is_in_use_here() {
    let sandbox = source();
    let path = export(&sandbox, &["--with-secrets"]);
    assert!(text(&path).contains("EXPORTED-BOT-TOKEN"));
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
fn nothing_is_written_over() {
    let sandbox = source();
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

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// An archive made by hand: (name, type, bytes), then a manifest of these paths with these hashes.
struct Hostile {
    tar: tar::Builder<GzEncoder<Vec<u8>>>,
    files: serde_json::Map<String, Value>,
}

impl Hostile {
    fn new() -> Self {
        let mut hostile = Self {
            tar: tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast())),
            files: serde_json::Map::new(),
        };
        hostile.file("config/openclaw.json", b"{ gateway: { mode: 'local' } }");
        hostile
    }

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

    fn file(&mut self, name: &str, bytes: &[u8]) {
        self.raw(name, EntryType::Regular, bytes);
        let hash = hex(&Sha256::digest(bytes));
        let entry = json!({ "path": name, "size": bytes.len(), "sha256": hash });
        self.files.insert(name.to_owned(), entry);
    }

    fn manifest(&self, version: u32) -> Value {
        json!({
            "version": version, "kind": "export", "profile": "x", "created": "now", "program": "0",
            "reason": "export", "secrets": false, "home": "/h", "config": "/h/c", "state": "/h/s",
            "workspace": null, "files": self.files,
        })
    }

    fn end(mut self, manifest: &Value) -> Vec<u8> {
        self.raw(
            "manifest.json",
            EntryType::Regular,
            manifest.to_string().as_bytes(),
        );
        self.tar.into_inner().expect("an end").finish().expect("an end")
    }

    fn whole(self) -> Vec<u8> {
        let manifest = self.manifest(1);
        self.end(&manifest)
    }
}

fn with(change: impl FnOnce(&mut Hostile)) -> Vec<u8> {
    let mut hostile = Hostile::new();
    change(&mut hostile);
    hostile.whole()
}

/// Archives whose manifest lies, is missing, or comes from a later version, each with its refusal.
fn with_a_false_manifest() -> Vec<(&'static str, Vec<u8>)> {
    let newer = {
        let hostile = Hostile::new();
        let manifest = hostile.manifest(2);
        hostile.end(&manifest)
    };
    let wrong = {
        let hostile = Hostile::new();
        let mut manifest = hostile.manifest(1);
        manifest["files"]["config/openclaw.json"]["sha256"] = "0".repeat(64).into();
        hostile.end(&manifest)
    };
    let unlisted = with(|h| h.raw("state/extra", EntryType::Regular, b"x"));
    let renamed = {
        let hostile = Hostile::new();
        let mut manifest = hostile.manifest(1);
        manifest["files"]["config/openclaw.json"]["path"] = "state/../../x".into();
        hostile.end(&manifest)
    };
    let headless = {
        let hostile = Hostile::new();
        hostile
            .tar
            .into_inner()
            .expect("an end")
            .finish()
            .expect("an end")
    };
    let after = {
        let mut hostile = Hostile::new();
        let manifest = hostile.manifest(1);
        hostile.raw(
            "manifest.json",
            EntryType::Regular,
            manifest.to_string().as_bytes(),
        );
        hostile.raw("state/late", EntryType::Regular, b"x");
        hostile
            .tar
            .into_inner()
            .expect("an end")
            .finish()
            .expect("an end")
    };
    vec![
        ("archive.name", renamed),
        ("archive.no-manifest", headless),
        ("archive.no-manifest", Hostile::new().end(&json!("no manifest"))),
        ("archive.newer", newer),
        ("archive.hash", wrong),
        ("archive.hash", unlisted),
        ("archive.hash", after),
    ]
}

#[test]
fn hostile_archives_are_refused_before_anything_is_written() {
    let zeros = vec![0_u8; 64 * 1024 * 1024];
    let mut plain = GzEncoder::new(Vec::new(), Compression::fast());
    plain.write_all(b"no tar at all, but well packed").expect("bytes");
    let mut cases: Vec<(&str, Vec<u8>)> = vec![
        ("archive.name", with(|h| h.file("../evil", b"x"))),
        ("archive.name", with(|h| h.file("state/../../evil", b"x"))),
        ("archive.name", with(|h| h.file("/tmp/evil", b"x"))),
        ("archive.name", with(|h| h.file("state/a\\b", b"x"))),
        ("archive.name", with(|h| h.file("elsewhere/x", b"x"))),
        (
            "archive.type",
            with(|h| h.raw("state/link", EntryType::Symlink, b"")),
        ),
        (
            "archive.type",
            with(|h| h.raw("state/link", EntryType::Link, b"")),
        ),
        (
            "archive.type",
            with(|h| h.raw("state/device", EntryType::Char, b"")),
        ),
        (
            "archive.type",
            with(|h| h.raw("state/pipe", EntryType::Fifo, b"")),
        ),
        (
            "archive.type",
            with(|h| h.raw("state/long", EntryType::GNULongName, b"state/x\0")),
        ),
        (
            "archive.twice",
            with(|h| {
                h.file("state/a", b"1");
                h.raw("state/a", EntryType::Regular, b"2");
            }),
        ),
        (
            "archive.twice",
            with(|h| {
                h.file("state/a", b"1");
                h.file("state/A", b"2");
            }),
        ),
        (
            "archive.twice",
            with(|h| {
                h.file("state/a", b"1");
                h.file("state/a/b", b"2");
            }),
        ),
        ("archive.bound", with(|h| h.file("state/bomb", &zeros))),
        ("archive.unreadable", plain.finish().expect("an end")),
        ("archive.unreadable", b"no gzip".to_vec()),
    ];
    cases.extend(with_a_false_manifest());
    for (code, bytes) in cases {
        let sandbox = Sandbox::new();
        sandbox.write("out.tar.gz", bytes);
        let before = sandbox.tree();
        let ran = import(&sandbox, "copy").exits(1);
        assert_eq!(ran.json()["code"], code, "{}", ran.stderr);
        assert_eq!(sandbox.tree(), before, "{code}: nothing is written");
    }
    // The same, left alone, is taken.
    let sandbox = Sandbox::new();
    sandbox.write("out.tar.gz", Hostile::new().whole());
    let _ = import(&sandbox, "copy").exits(0);
}

#[test]
fn what_is_exported_can_be_imported_however_well_it_packs() {
    let sandbox = source();
    let path = sandbox.write(".openclaw-rescue/memory/sparse", "");
    let file = std::fs::File::options().write(true).open(path).expect("a file");
    file.set_len(48 << 20).expect("a size");
    let packed = export(&sandbox, &[]);
    let size = std::fs::metadata(packed).expect("a file").len();
    assert!(size < 8 << 20, "{size} bytes: what packs well is still packed");
    let _ = import(&sandbox, "copy").exits(0);
    let copied = std::fs::metadata(sandbox.path(".openclaw-copy/memory/sparse")).expect("a file");
    assert_eq!(copied.len(), 48 << 20);
}

#[test]
fn names_that_are_one_where_case_does_not_count_are_refused_at_the_export() {
    let sandbox = source();
    sandbox.write(".openclaw-rescue/memory/Notes.md", "one");
    sandbox.write(".openclaw-rescue/memory/notes.md", "two");
    let ran = sandbox
        .run(["profiles", "export", "rescue", "out.tar.gz", "--json"])
        .exits(1);
    assert_eq!(ran.json()["code"], "archive.twins");
    assert!(!sandbox.path("out.tar.gz").exists());
    // A snapshot never leaves this host, where they are two.
    let snapshot = |words: &[&str]| sandbox.run([&["--profile", "rescue", "snapshot"], words].concat());
    let _ = snapshot(&["create"]).exits(0);
    sandbox.write(".openclaw-rescue/memory/notes.md", "three");
    let _ = snapshot(&["restore", "--yes"]).exits(0);
    assert_eq!(sandbox.read(".openclaw-rescue/memory/Notes.md"), "one");
    assert_eq!(sandbox.read(".openclaw-rescue/memory/notes.md"), "two");
}

#[test]
fn what_a_killed_import_left_is_cleared_by_the_next_one() {
    let sandbox = source();
    let _ = export(&sandbox, &[]);
    let left = sandbox.write(".openclaw-copy.import-20261122/archive/state/a", "a");
    let _ = import(&sandbox, "copy").exits(0);
    assert!(!left.exists() && !sandbox.path(".openclaw-copy.import-20261122").exists());
}
