//! The installation that this program runs from: which package brought it, and from which commit it was built.
//!
//! A package says its kind in one file beside the program, `share/openclaw-rs/install-method`. What cargo installed is known
//! by cargo's own list, and what was only built by the mark of the build folder.

use std::path::{Path, PathBuf};

use crate::host::Host;
use crate::host::read;

/// Version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Name of the program as it is typed.
pub(crate) const PROGRAM_NAME: &str = "openclaw";
/// Name of every package of this program, and of the command that no other program has: npm's OpenClaw is `openclaw` too.
pub(crate) const PACKAGE_NAME: &str = "openclaw-rs";
/// The commit that was checked out when the program was built; `None` in a debug build and in one outside of git.
pub(crate) const COMMIT: Option<&str> = option_env!("SOURCE_COMMIT");
/// Path of the file in which a package says its kind, from the folder above the program's own.
const METHOD_FILE: &str = "share/openclaw-rs/install-method";
/// Name of the file in which cargo lists what it has installed, in the folder above the program's own.
const CARGO_LIST_FILE: &str = ".crates.toml";
/// Name of the file with which cargo marks a folder in which it builds.
const BUILD_MARK_FILE: &str = ".rustc_info.json";
/// Maximum length of the name of an install method, in bytes.
const MAX_METHOD_BYTES: usize = 20;
/// The install method of a program that cargo has installed.
const CARGO: &str = "cargo";
/// The install method of a program in the folder in which it was built.
const BUILD_FOLDER: &str = "source";

/// Returns the name by which this program was started, where it is one of its two; else the first.
pub(crate) fn command_name(host: &Host) -> &'static str {
    let typed = host.args().first().map(Path::new).and_then(Path::file_stem);
    if typed.is_some_and(|name| name == PACKAGE_NAME) {
        PACKAGE_NAME
    } else {
        PROGRAM_NAME
    }
}

/// Returns how this program was installed, by a stable name such as `deb`, `npm`, `cargo` or `source`; `None` where
/// nothing tells it.
pub(crate) fn install_method(host: &Host) -> Option<String> {
    method_of(&program_file(host)?)
}

/// Returns the path of this program's file, links followed.
pub(crate) fn program_file(host: &Host) -> Option<PathBuf> {
    host.program()
        .and_then(|program| read::canonicalize(program).ok())
}

/// Returns how the program with this path was installed, links followed.
fn method_of(program: &Path) -> Option<String> {
    let folder = program.parent()?;
    let above = folder.parent()?;
    if let Ok(text) = read::text(&above.join(METHOD_FILE)) {
        return parse_method(&text);
    }
    let is_cargos = read::text(&above.join(CARGO_LIST_FILE)).is_ok_and(|list| {
        list.lines()
            .any(|line| line.trim_start().starts_with("\"openclaw "))
    });
    if is_cargos {
        return Some(CARGO.to_owned());
    }
    // A build for a named target lies one folder deeper.
    let mut folders = folder.ancestors().skip(1).take(2);
    let is_build = folders.any(|folder| folder.join(BUILD_MARK_FILE).is_file());
    is_build.then(|| BUILD_FOLDER.to_owned())
}

/// Parses the file in which a package says its kind: one word of small letters and hyphens.
fn parse_method(text: &str) -> Option<String> {
    let word = text.trim();
    let is_name = |word: &str| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    (!word.is_empty() && word.len() <= MAX_METHOD_BYTES && is_name(word)).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests make their own files")]

    use super::*;

    /// Writes a file below a folder, with its folders.
    fn write(folder: &Path, below: &str, text: &str) -> PathBuf {
        let path = folder.join(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn each_way_to_install_is_told_by_what_lies_beside_the_program() {
        for (below, beside, text, method) in [
            (
                "usr/bin/openclaw-rs",
                "usr/share/openclaw-rs/install-method",
                "deb\n",
                Some("deb"),
            ),
            (
                "bin/openclaw",
                ".crates.toml",
                "[v1]\n\"openclaw 0.2.0 (path+file:///x)\" = []\n",
                Some("cargo"),
            ),
            (
                "bin/openclaw",
                ".crates.toml",
                "[v1]\n\"other 0.2.0\" = []\n",
                None,
            ),
            (
                "target/dist/openclaw",
                "target/.rustc_info.json",
                "{}",
                Some("source"),
            ),
            (
                "target/x86_64-unknown-linux-gnu/dist/openclaw",
                "target/.rustc_info.json",
                "{}",
                Some("source"),
            ),
            (
                "bin/openclaw",
                "share/openclaw-rs/install-method",
                "<script>",
                None,
            ),
            ("bin/openclaw", "share/other", "deb", None),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let program = write(dir.path(), below, "");
            write(dir.path(), beside, text);
            assert_eq!(method_of(&program).as_deref(), method, "{below} {beside} {text}");
        }
    }
}
