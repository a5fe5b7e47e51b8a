//! The files that the program reads, and a host on which each of them is as this program or OpenClaw writes it.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use super::commands::Command;
use super::damage::Damage;
use crate::support::{Sandbox, put_program};

/// State folder of the default instance, below HOME. No command in these tests is to change it.
pub(super) const DEFAULT_STATE: &str = ".openclaw";
/// The user without privileges for whom the program runs where the tests run as root.
const OTHER_USER: &str = "65534";
/// The home folder in the frozen files.
const FROZEN_HOME: &str = "/home/ada";

/// A file that the program reads.
pub(super) struct File {
    /// Its path below HOME.
    pub(super) path: &'static str,
    /// The same file of the default instance, below HOME; any file of that instance where it has none.
    other: &'static str,
    /// Its text as it is when nothing is wrong.
    text: &'static str,
    /// Text before and after the deep lists, so that a parser meets them as a value.
    around: (&'static str, &'static str),
    /// Beginnings of the commands that are tried on every cut and every wrong type.
    readers: &'static [&'static str],
    /// How commands that succeed treat what can be read of the file.
    readable: Readable,
    /// Whether `doctor` names the file where it is broken.
    pub(super) is_named_by_doctor: bool,
}

/// How commands that succeed treat a file that they can read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readable {
    /// A command that changes it keeps its bytes in a backup.
    BackedUp,
    /// A command may edit it: its bytes change, and what the edit does not concern stays.
    Edited,
}

impl File {
    /// Returns the text of the undamaged file, with the home folder of the frozen files in it.
    pub(super) fn text(&self) -> String {
        self.text.to_owned()
    }

    /// Returns a text in which a parser meets these lists.
    pub(super) fn deep(&self, open: &str, close: &str) -> String {
        [self.around.0, open, close, self.around.1].concat()
    }

    /// Returns whether a command is one of those that are tried on every cut and every wrong type.
    pub(super) fn is_read_by(&self, command: &Command) -> bool {
        let words = command.words.join(" ");
        self.readers.iter().any(|reader| words.starts_with(reader))
    }

    /// Returns whether the file belongs to a service.
    pub(super) fn is_of_service(&self) -> bool {
        self.path.starts_with(".config/systemd")
    }

    /// Returns whether the file is a JSON or TOML document.
    pub(super) fn is_document(&self) -> bool {
        let extension = Path::new(self.path).extension();
        extension.is_some_and(|extension| extension == "json" || extension == "toml")
    }

    /// Returns whether a command may edit these bytes in place and keep no backup of them.
    pub(super) fn may_be_edited(&self, bytes: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return false;
        };
        let text = text.trim_start_matches('\u{feff}');
        let is_document = match Path::new(self.path).extension().and_then(|e| e.to_str()) {
            Some("json") => serde_json::from_str::<serde_json::Value>(text).is_ok(),
            Some("toml") => text.parse::<toml::Table>().is_ok(),
            _ => true,
        };
        self.readable == Readable::Edited && is_document
    }
}

/// Path of the state folder for files of the program itself, below HOME.
macro_rules! own_state {
    ($path:literal) => {
        concat!(".local/state/openclaw/", $path)
    };
}

/// Frozen file of the first release.
macro_rules! frozen {
    ($path:literal) => {
        include_str!(concat!("../fixtures/formats/0.1.0/", $path))
    };
}

const RESCUE_CONFIG: &str = r#"{
  "$schema": "https://openclaw.ai/schema.json",
  "logging": { "$include": "./logging.json" },
  "agents": { "defaults": { "workspace": "/home/ada/.openclaw-rescue/workspace-rescue" } },
  "gateway": {
    "mode": "local",
    "port": 19789,
    "bind": "loopback",
    "auth": { "mode": "token", "token": "fixture-token-of-rescue-0123456789abcdef" }
  }
}
"#;

pub(super) const CONFIG: File = File {
    path: ".openclaw-rescue/openclaw.json",
    other: ".openclaw/openclaw.json",
    text: RESCUE_CONFIG,
    around: ("{ \"agents\": ", "}"),
    readers: &[
        "--profile rescue status",
        "--profile rescue config set",
        "--profile rescue onboard",
    ],
    readable: Readable::BackedUp,
    is_named_by_doctor: true,
};

pub(super) const INCLUDED: File = File {
    path: ".openclaw-rescue/logging.json",
    other: ".openclaw/openclaw.json",
    text: "{ \"level\": \"info\", \"consoleLevel\": \"warn\" }\n",
    around: ("{ \"level\": ", "}"),
    readers: &["--profile rescue doctor", "--profile rescue config"],
    readable: Readable::Edited,
    is_named_by_doctor: true,
};

pub(super) const RECORD: File = File {
    path: ".openclaw-rescue/instance.toml",
    other: ".openclaw/instance.toml",
    text: frozen!("home/.openclaw-rescue/instance.toml"),
    around: ("engine = ", ""),
    readers: &[
        "--profile rescue status",
        "--profile rescue doctor",
        "--profile rescue onboard",
    ],
    readable: Readable::Edited,
    is_named_by_doctor: true,
};

pub(super) const REGISTRY: File = File {
    path: own_state!("registry.toml"),
    other: ".openclaw/instance.toml",
    text: frozen!("home/.local/state/openclaw/registry.toml"),
    around: ("version = ", ""),
    readers: &["profiles", "--profile rescue doctor", "--profile rescue onboard"],
    readable: Readable::Edited,
    is_named_by_doctor: true,
};

pub(super) const DOTENV: File = File {
    path: ".openclaw-rescue/.env",
    other: ".openclaw/openclaw.json",
    text: "# keys of this gateway\nOPENCLAW_GATEWAY_PORT=19789\nANTHROPIC_API_KEY=\"sk-ant-fixture\"\n",
    around: ("OPENCLAW_GATEWAY_PORT=", ""),
    readers: &["--profile rescue status", "--profile rescue doctor"],
    readable: Readable::Edited,
    is_named_by_doctor: true,
};

pub(super) const API_KEYS: File = File {
    path: ".openclaw-rescue/agents/main/agent/auth-profiles.json",
    other: ".openclaw/openclaw.json",
    text: "{\n  \"version\": 1,\n  \"profiles\": {\n    \"anthropic:default\": { \"type\": \"api_key\", \"provider\": \"anthropic\", \"key\": \"sk-ant-fixture\" }\n  }\n}\n",
    around: ("{ \"profiles\": ", "}"),
    readers: &["--profile rescue doctor", "--profile rescue onboard"],
    readable: Readable::Edited,
    is_named_by_doctor: true,
};

pub(super) const PAIRED_DEVICES: File = File {
    path: ".openclaw-rescue/devices/paired.json",
    other: ".openclaw/openclaw.json",
    text: "{ \"d1\": { \"deviceId\": \"d1\", \"publicKey\": \"AAAA\", \"role\": \"operator\", \"roles\": [\"operator\"], \"tokens\": {}, \"createdAtMs\": 1795889133062, \"approvedAtMs\": 1795889133062 } }\n",
    around: ("{ \"d1\": ", "}"),
    readers: &["--profile rescue gateway run", "--profile rescue doctor"],
    readable: Readable::Edited,
    is_named_by_doctor: true,
};

pub(super) const JOURNAL: File = File {
    path: own_state!("journal.commit.json"),
    other: ".openclaw/openclaw.json",
    text: frozen!("cut-while-committing/.local/state/openclaw/journal.commit.json"),
    around: ("{\"version\":1,\"stage\":", "}"),
    readers: &[
        "--profile rescue status",
        "--profile rescue config set",
        "--profile rescue gateway run",
    ],
    readable: Readable::Edited,
    is_named_by_doctor: true,
};

pub(super) const ARCHIVE: File = File {
    path: "rescue.tar.gz",
    other: ".openclaw/openclaw.json",
    text: "no archive at all, but a text of some length\n",
    around: ("", ""),
    readers: &["profiles import"],
    readable: Readable::BackedUp,
    is_named_by_doctor: false,
};

pub(super) const MANIFEST: File = File {
    path: "manifest.json",
    other: ".openclaw/openclaw.json",
    text: include_str!("manifest.json"),
    around: ("{ \"version\": 1, \"files\": ", "}"),
    readers: &["profiles import"],
    readable: Readable::BackedUp,
    is_named_by_doctor: false,
};

pub(super) const HISTORY: File = File {
    path: own_state!("rescue/history.jsonl"),
    other: ".openclaw/openclaw.json",
    text: frozen!("home/.local/state/openclaw/rescue/history.jsonl"),
    around: ("{\"at\":", "}"),
    readers: &["rescue history", "rescue diagnose"],
    readable: Readable::Edited,
    is_named_by_doctor: false,
};

pub(super) const UNIT: File = File {
    path: ".config/systemd/user/openclaw-gateway-rescue.service",
    other: ".openclaw/openclaw.json",
    text: frozen!("home/.config/systemd/user/openclaw-gateway-rescue.service"),
    around: ("[Service]\nEnvironment=OPENCLAW_STATE_DIR=", ""),
    readers: &["--profile rescue doctor"],
    readable: Readable::BackedUp,
    is_named_by_doctor: false,
};

pub(super) const DROP_IN: File = File {
    path: ".config/systemd/user/openclaw-gateway-rescue.service.d/override.conf",
    other: ".openclaw/openclaw.json",
    text: "[Service]\nEnvironment=OPENCLAW_GATEWAY_PORT=19789\n",
    around: ("[Service]\nEnvironment=", ""),
    readers: &["--profile rescue doctor"],
    readable: Readable::BackedUp,
    is_named_by_doctor: false,
};

pub(super) const ANSWERS: File = File {
    path: "answers.toml",
    other: ".openclaw/instance.toml",
    text: frozen!("home/answers.toml"),
    around: ("profile = ", ""),
    readers: &["onboard --answers"],
    readable: Readable::BackedUp,
    is_named_by_doctor: false,
};

pub(super) const DRAFT: File = File {
    path: own_state!("draft.toml"),
    other: ".openclaw/instance.toml",
    text: frozen!("home/.local/state/openclaw/draft.toml"),
    around: ("draft-of = ", ""),
    readers: &["--profile rescue onboard"],
    readable: Readable::Edited,
    is_named_by_doctor: false,
};

/// The files of a host on which nothing is damaged; a journal is not among them.
pub(super) const PRESENT: [&File; 13] = [
    &CONFIG,
    &INCLUDED,
    &RECORD,
    &REGISTRY,
    &DOTENV,
    &API_KEYS,
    &PAIRED_DEVICES,
    &HISTORY,
    &UNIT,
    &DROP_IN,
    &ANSWERS,
    &DRAFT,
    &DEFAULT_CONFIG,
];

pub(super) const DEFAULT_CONFIG: File = File {
    path: ".openclaw/openclaw.json",
    text: frozen!("home/.openclaw/openclaw.json"),
    ..CONFIG
};

/// A host with two instances, on which one file after another is damaged.
pub(super) struct Host {
    pub(super) sandbox: Sandbox,
    /// A copy of HOME as it is when nothing is damaged.
    pub(super) pristine: PathBuf,
    /// Whether HOME belongs to a user without privileges, as whom the program runs.
    is_unprivileged: bool,
    /// Whether the tests run in a network namespace, in which a gateway may be started.
    has_namespace: bool,
}

impl Host {
    /// Sets up a host for a file: the file itself and all others are as they should be. It has a service only for the
    /// files of one, since a service is in the way of some commands.
    pub(super) fn for_file(file: &File) -> Self {
        let sandbox = Sandbox::new();
        let present = PRESENT
            .iter()
            .filter(|present| present.is_of_service() <= file.is_of_service());
        for present in present {
            write(&sandbox, present.path, present.text.as_bytes());
        }
        write(
            &sandbox,
            ".openclaw/instance.toml",
            frozen!("home/.openclaw/instance.toml").as_bytes(),
        );
        write(
            &sandbox,
            ".openclaw-rescue/logs/openclaw.2026-11-28.log",
            frozen!("home/.openclaw/logs/openclaw.2026-11-28.log").as_bytes(),
        );
        pack_archive(&sandbox, Some(MANIFEST.text.as_bytes()));
        let private = Process::new("chmod")
            .arg("-R")
            .arg("go-rwx")
            .arg(sandbox.home())
            .status();
        assert!(private.expect("chmod").success());
        let _ = sandbox
            .run(["--profile", "rescue", "snapshot", "create"])
            .exits(0);
        let host = Self {
            pristine: sandbox.home().with_file_name("pristine"),
            sandbox,
            is_unprivileged: false,
            has_namespace: true,
        };
        copy(&host.sandbox.home(), &host.pristine);
        host
    }

    /// Gives HOME to a user without privileges, who runs the program from now on where the tests run as root. Such a
    /// user has no namespace.
    pub(super) fn without_namespace(mut self) -> Self {
        self.has_namespace = false;
        if rustix::process::geteuid().is_root() {
            let folder = self.pristine.with_file_name("");
            put_program(env!("CARGO_BIN_EXE_openclaw"), folder.join("openclaw"));
            let given = Process::new("chown")
                .args(["-R", OTHER_USER])
                .arg(folder)
                .status();
            assert!(given.expect("chown").success());
            self.is_unprivileged = true;
        }
        self
    }

    /// Returns whether a command may be run here.
    pub(super) fn can_run(&self, command: &Command) -> bool {
        self.has_namespace || !command.starts_gateway()
    }

    /// Returns the beginning of a command line that runs the program as the user to whom HOME belongs.
    pub(super) fn program(&self) -> Vec<OsString> {
        if self.is_unprivileged {
            let own = self.pristine.with_file_name("openclaw");
            let switch = [
                "setpriv",
                "--reuid",
                OTHER_USER,
                "--regid",
                OTHER_USER,
                "--clear-groups",
            ];
            switch
                .map(OsString::from)
                .into_iter()
                .chain([own.into()])
                .collect()
        } else {
            vec![env!("CARGO_BIN_EXE_openclaw").into()]
        }
    }

    /// Makes HOME what it was when nothing was damaged.
    pub(super) fn reset(&self) {
        std::fs::remove_dir_all(self.sandbox.home()).expect("HOME");
        copy(&self.pristine, &self.sandbox.home());
    }

    /// Damages the file on a host where nothing else is damaged.
    pub(super) fn damage(&self, file: &File, damage: &Damage) {
        self.reset();
        let path = self.sandbox.path(file.path);
        if file.path == MANIFEST.path {
            return pack_archive(&self.sandbox, damage.bytes(file).as_deref());
        }
        if file.path == JOURNAL.path {
            for (name, text) in STAGED_FILES {
                write(&self.sandbox, name, text.as_bytes());
            }
        }
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        let _ = std::fs::remove_file(&path);
        match damage.bytes(file) {
            Some(bytes) => write(&self.sandbox, file.path, &bytes),
            None => damage.put_instead(&path, &self.sandbox.path(file.other)),
        }
        if matches!(damage, Damage::NoPermission) {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).expect("a mode");
        }
        if self.is_unprivileged {
            let given = Process::new("chown")
                .args(["-hR", OTHER_USER])
                .arg(self.sandbox.home())
                .status();
            assert!(given.expect("chown").success());
        }
    }
}

/// Writes a file below HOME with the real home folder in the place of the frozen one. Others may not read it.
fn write(sandbox: &Sandbox, path: &str, bytes: &[u8]) {
    let home = sandbox.home().display().to_string();
    let bytes = match std::str::from_utf8(bytes) {
        Ok(text) => text.replace(FROZEN_HOME, &home).into_bytes(),
        Err(_) => bytes.to_vec(),
    };
    let path = sandbox.write(path, bytes);
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).expect("a mode");
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) {
    let copied = Process::new("cp")
        .args(["-a", "--no-target-directory"])
        .args([from, to])
        .status();
    assert!(copied.expect("cp").success());
}

/// The staged files that the journal names, by path below HOME.
const STAGED_FILES: [(&str, &str); 3] = [
    (
        ".openclaw-rescue/.openclaw-79a79166d8-1.tmp",
        frozen!("cut-while-committing/.openclaw-rescue/.openclaw-79a79166d8-1.tmp"),
    ),
    (
        ".openclaw-rescue/.openclaw-79a79166d8-2.tmp",
        frozen!("cut-while-committing/.openclaw-rescue/.openclaw-79a79166d8-2.tmp"),
    ),
    (
        ".openclaw-rescue/.openclaw-79a79166d8-3.tmp",
        frozen!("cut-while-committing/.openclaw-rescue/.openclaw-79a79166d8-3.tmp"),
    ),
];

/// Packs the frozen export anew with this manifest, or without one.
fn pack_archive(sandbox: &Sandbox, manifest: Option<&[u8]>) {
    let frozen = sandbox.write(
        "rescue.tar.gz",
        include_bytes!("../fixtures/formats/0.1.0/home/rescue.tar.gz"),
    );
    if manifest == Some(MANIFEST.text.as_bytes()) {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let archive = frozen.to_str().expect("text");
    let ran = Process::new("tar")
        .args(["-xzf", archive, "-C"])
        .arg(folder.path())
        .status();
    assert!(ran.expect("tar").success());
    match manifest {
        Some(bytes) => std::fs::write(folder.path().join("manifest.json"), bytes).expect("a manifest"),
        None => std::fs::remove_file(folder.path().join("manifest.json")).expect("a manifest"),
    }
    let names = ["config", "state", "workspace", "manifest.json"];
    let present = names.iter().filter(|name| folder.path().join(name).exists());
    let ran = Process::new("tar")
        .args(["-czf", archive, "-C"])
        .arg(folder.path())
        .args(present)
        .status();
    assert!(ran.expect("tar").success());
}
