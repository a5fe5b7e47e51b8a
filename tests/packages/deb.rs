//! The Debian package: its files and its scripts, and what installation, upgrade and removal do.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{NAME, VERSION, make, only_file, release_files, run, successful};
use crate::support::{Reason, Sandbox, installed, skipped};
use crate::words::root;

#[test]
fn package_holds_program_pages_completions_and_licences() {
    if !installed("dpkg-deb") {
        return;
    }
    let sandbox = Sandbox::new();
    let deb = only_file(&make(&sandbox, &["deb"]), ".deb");
    let unpacked = sandbox.path("unpacked");
    let _ = run("dpkg-deb", &["-R".as_ref(), &deb, &unpacked]);
    let control = std::fs::read_to_string(unpacked.join("DEBIAN/control")).unwrap();
    for line in [format!("Package: {NAME}"), format!("Version: {VERSION}-1")] {
        assert!(control.lines().any(|found| found == line), "{control}");
    }
    assert!(
        !control.contains('@') || control.matches('@').count() == 1,
        "{control}"
    );
    let listed = run("dpkg-deb", &["-c".as_ref(), &deb]);
    for line in listed.lines() {
        let mut words = line.split_whitespace();
        let mode = words.next().unwrap();
        assert_eq!(words.next(), Some("root/root"), "{line}");
        assert!(
            mode[1..].starts_with("rwxr-xr-x") || mode == "-rw-r--r--" || mode.starts_with('l'),
            "{line}"
        );
        let path = words.nth(3).unwrap();
        assert!(path == "./" || path.starts_with("./usr/"), "{line}");
    }
    for file in [
        "bin/openclaw-rs",
        "share/man/man1/openclaw.1.gz",
        "share/man/man1/openclaw-config-set.1.gz",
        "share/man/tr/man1/openclaw-rs.1.gz",
        "share/bash-completion/completions/openclaw",
        "share/zsh/vendor-completions/_openclaw-rs",
        "share/fish/vendor_completions.d/openclaw.fish",
        "share/doc/openclaw-rs/changelog.gz",
        "share/doc/openclaw-rs/changelog.Debian.gz",
        "share/doc/openclaw-rs/copyright",
        "share/doc/openclaw-rs/third-party.txt.gz",
    ] {
        assert!(unpacked.join("usr").join(file).is_file(), "{file}");
    }
    let method = unpacked.join("usr/share/openclaw-rs/install-method");
    assert_eq!(std::fs::read_to_string(method).unwrap(), "deb\n");
}

#[test]
fn licence_text_of_every_crate_is_in_the_package() {
    let sandbox = Sandbox::new();
    let folder = make(&sandbox, &["archive"]);
    let _ = run(
        "tar",
        &[
            "-xzf".as_ref(),
            &only_file(&folder, ".tar.gz"),
            "-C".as_ref(),
            &folder,
        ],
    );
    let bill = std::fs::read_to_string(only_file(&folder, ".cdx.json")).unwrap();
    let bill: serde_json::Value = serde_json::from_str(&bill).unwrap();
    let tree = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let tree = tree.into_iter().find(|path| path.is_dir()).unwrap();
    let texts = std::fs::read_to_string(tree.join("share/doc/openclaw-rs/third-party.txt")).unwrap();
    assert!(!texts.contains("has no text"), "a crate without a licence text");
    let components = bill["components"].as_array().unwrap();
    assert!(components.len() > 100);
    for component in components {
        let text = |key: &str| component[key].as_str().unwrap().to_owned();
        assert!(
            component["hashes"][0]["content"].as_str().unwrap().len() == 64,
            "{component}"
        );
        if text("scope") == "required" {
            let line = format!("{} {}: ", text("name"), text("version"));
            assert!(texts.contains(&line), "{line}");
        }
    }
}

#[test]
fn completions_of_the_first_name_ask_the_name_that_is_surely_this_program() {
    let sandbox = Sandbox::new();
    let folder = make(&sandbox, &["archive"]);
    let listed = run("tar", &["-tzf".as_ref(), &only_file(&folder, ".tar.gz")]);
    let read = |ending: &str| {
        let name = listed
            .lines()
            .find(|line| line.ends_with(ending))
            .unwrap_or_else(|| panic!("{ending}"));
        run(
            "tar",
            &["-xOzf".as_ref(), &only_file(&folder, ".tar.gz"), Path::new(name)],
        )
    };
    for (ending, asks) in [
        ("/completions/openclaw", "\"openclaw-rs\" -- "),
        ("/_openclaw", " openclaw-rs -- "),
        ("/openclaw.fish", " openclaw-rs -- "),
    ] {
        let script = read(ending);
        assert!(script.contains(asks), "{script}");
        assert!(
            !script.contains("openclaw -- ") && !script.contains("openclaw\" -- "),
            "{script}"
        );
    }
}

#[test]
fn service_is_started_by_the_name_that_no_other_program_has() {
    let sandbox = Sandbox::new();
    crate::support::put_program(
        env!("CARGO_BIN_EXE_openclaw"),
        sandbox.write("usr/bin/openclaw-rs", ""),
    );
    let link = sandbox.path("usr/bin/openclaw");
    std::os::unix::fs::symlink("openclaw-rs", &link).unwrap();
    // Beside it, a link in another folder is what an update leaves in its place.
    let elsewhere = sandbox.write("bin/keep", "").with_file_name("openclaw");
    std::os::unix::fs::symlink(sandbox.path("usr/bin/openclaw-rs"), &elsewhere).unwrap();
    sandbox.write(
        ".openclaw/openclaw.json",
        "{ gateway: { mode: 'local', port: 18789, auth: { mode: 'none' } } }",
    );
    for (typed, started) in [
        (&link, sandbox.path("usr/bin/openclaw-rs")),
        (&elsewhere, elsewhere.clone()),
    ] {
        let output = Command::new(typed)
            .args(["gateway", "install", "--dry-run", "--json"])
            .env_clear()
            .env("HOME", sandbox.home())
            .output()
            .unwrap();
        let document: serde_json::Value = serde_json::from_str(&successful(&output)).unwrap();
        let text = document["files"][0]["content"].as_str().unwrap();
        let start = format!("ExecStart={} ", started.display());
        assert!(text.contains(&start), "{text}");
    }
}

#[test]
fn package_is_small_and_lintian_finds_nothing() {
    let Some(folder) = release_files() else { return };
    let deb = only_file(&folder, ".deb");
    let size = deb.metadata().unwrap().len();
    assert!(size <= 5 * 1024 * 1024, "{size} bytes");
    let listed = run(
        "tar",
        &["-tvzf".as_ref(), &only_file(&folder, "-linux-gnu.tar.gz")],
    );
    let program = listed
        .lines()
        .find(|line| line.ends_with("/bin/openclaw-rs"))
        .unwrap();
    let bytes: u64 = program.split_whitespace().nth(2).unwrap().parse().unwrap();
    assert!(bytes <= largest_program() * 1024, "{bytes} bytes");
    if installed("lintian") {
        assert_eq!(run("lintian", &["--fail-on=error,warning".as_ref(), &deb]), "");
    }
}

/// Returns how many KiB the program in a package may have, as the checklist of a release says it.
fn largest_program() -> u64 {
    let checklist = std::fs::read_to_string(root().join("docs/release.md")).unwrap();
    let (before, _) = checklist.split_once(" KiB").expect("a limit");
    let number = before.rsplit(' ').next().expect("a number");
    number.replace(',', "").parse().expect("a number")
}

#[test]
fn package_is_installed_upgraded_removed_and_purged_in_a_debian_root() {
    let Some(folder) = release_files() else { return };
    let Some(base) = debian_root() else { return };
    let script = root().join("tests/packages/debian-root.sh");
    let deb = only_file(&folder, ".deb");
    let said = run("sh", &[&script, &base, &deb]);
    assert!(said.ends_with("all steps done\n"), "{said}");
}

#[test]
fn running_service_is_renewed_by_an_upgrade() {
    let Some(folder) = release_files() else { return };
    let tests = root().join("tests");
    let output = Command::new(tests.join("support/with-user-systemd"))
        .args(["--full", "--net", "--root", "--ro"])
        .arg(&folder)
        .arg("--ro")
        .arg(tests.join("packages"))
        .args(["--", "sh"])
        .arg(tests.join("packages/renewed-service.sh"))
        .arg(only_file(&folder, ".deb"))
        .output()
        .unwrap();
    if output.status.code() == Some(125) {
        skipped(Reason::NoUserManager, &String::from_utf8_lossy(&output.stderr));
        return;
    }
    let said = successful(&output);
    assert!(said.ends_with("all steps done\n"), "{said}");
}

/// Returns a minimal Debian root, which is made once; elsewhere the calling test counts as skipped.
#[track_caller]
fn debian_root() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?;
    let base = cache.join("openclaw-tests/debian-bookworm");
    if base.join("usr/bin/dpkg").exists() && !base.join("debootstrap").exists() {
        return Some(base);
    }
    if !Path::new("/usr/sbin/debootstrap").exists() {
        skipped(Reason::NoProgram("debootstrap"), "it is not installed");
        return None;
    }
    if !rustix::process::geteuid().is_root() {
        skipped(Reason::NeedsRoot, "debootstrap makes a root");
        return None;
    }
    let _ = std::fs::remove_dir_all(&base);
    std::fs::create_dir_all(base.parent()?).unwrap();
    let made = Command::new("debootstrap")
        .args(["--variant=minbase", "bookworm"])
        .arg(&base)
        .output();
    let _ = successful(&made.unwrap());
    Some(base)
}
