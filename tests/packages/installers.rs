//! The files that fetch an archive: the install script is run, the formula and the PKGBUILD are read.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{NAME, VERSION, make, only_file, run, successful};
use crate::support::{Sandbox, installed};
use crate::words::root;

/// Makes the archive and the files that name its checksum. Returns their folder.
fn files(sandbox: &Sandbox) -> PathBuf {
    make(sandbox, &["archive", "installers"])
}

/// Runs the install script on the archive beside it.
fn install(sandbox: &Sandbox, folder: &Path, path: &str, words: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command
        .arg(folder.join("install.sh"))
        .arg("--from")
        .arg(folder)
        .args(words);
    command
        .env_clear()
        .env("HOME", sandbox.path("user"))
        .env("PATH", path);
    command.output().unwrap()
}

/// Returns every file below the user's home.
fn installed_files(sandbox: &Sandbox) -> Vec<PathBuf> {
    let tree = sandbox.tree().into_iter();
    let files = tree.filter(|(path, _, _)| path.starts_with("user") && sandbox.path(path).is_file());
    files.map(|(path, _, _)| path).collect()
}

#[test]
fn install_script_installs_updates_and_removes() {
    let sandbox = Sandbox::new();
    let folder = files(&sandbox);
    sandbox.write("user/.openclaw-rescue/openclaw.json", "{}");
    let said = successful(&install(&sandbox, &folder, "/usr/bin:/bin", &[]));
    assert!(said.contains("is not on your search path"), "{said}");
    let command = sandbox.path("user/.local/bin/openclaw");
    assert_eq!(
        run(&command, &["--version".as_ref()]),
        format!("openclaw {VERSION}\n")
    );
    let first = installed_files(&sandbox);
    for file in [
        "user/.local/share/man/tr/man1/openclaw-onboard.1",
        "user/.local/share/bash-completion/completions/openclaw-rs",
        "user/.local/share/doc/openclaw-rs/third-party.txt",
    ] {
        assert!(first.iter().any(|path| path == Path::new(file)), "{file}");
    }
    let path = format!("{}:/usr/bin:/bin", sandbox.path("user/.local/bin").display());
    let said = successful(&install(&sandbox, &folder, &path, &[]));
    assert!(
        !said.contains("search path") && !said.contains("another openclaw"),
        "{said}"
    );
    assert_eq!(installed_files(&sandbox), first);
    let _ = successful(&install(&sandbox, &folder, &path, &["--uninstall"]));
    assert_eq!(
        installed_files(&sandbox),
        [Path::new("user/.openclaw-rescue/openclaw.json")]
    );
}

#[test]
fn install_script_refuses_another_checksum_and_keeps_a_foreign_openclaw() {
    let sandbox = Sandbox::new();
    let folder = files(&sandbox);
    let archive = only_file(&folder, ".tar.gz");
    let bytes = std::fs::read(&archive).unwrap();
    std::fs::write(&archive, [&bytes[..], b"x"].concat()).unwrap();
    let refused = install(&sandbox, &folder, "/usr/bin:/bin", &[]);
    assert!(!refused.status.success());
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("nothing was installed"),
        "{refused:?}"
    );
    assert_eq!(installed_files(&sandbox), [] as [&Path; 0]);

    std::fs::write(&archive, bytes).unwrap();
    let foreign = sandbox.write("user/.local/bin/openclaw", "npm's");
    let said = successful(&install(&sandbox, &folder, "/usr/bin:/bin", &[]));
    assert!(said.contains("another openclaw"), "{said}");
    let _ = successful(&install(&sandbox, &folder, "/usr/bin:/bin", &["--uninstall"]));
    assert_eq!(std::fs::read_to_string(foreign).unwrap(), "npm's");
}

#[test]
fn formula_and_pkgbuild_name_this_version_and_the_checksum_of_the_archive() {
    let sandbox = Sandbox::new();
    let folder = files(&sandbox);
    let archive = only_file(&folder, ".tar.gz");
    let sum = run("sha256sum", &[&archive]);
    let sum = sum.split(' ').next().unwrap();
    let file = archive.file_name().unwrap().to_str().unwrap();
    for name in ["openclaw-rs.rb", "PKGBUILD", "install.sh"] {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(text.matches(sum).count(), 1, "{name}: {text}");
        let of_template = |line: &&str| {
            let mut parts = line.split('@').skip(1).step_by(2);
            parts.any(|word| word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase()))
        };
        assert_eq!(text.lines().find(of_template), None, "{name}");
        assert!(text.contains(VERSION) && text.contains(NAME), "{name}");
    }
    let formula = std::fs::read_to_string(folder.join("openclaw-rs.rb")).unwrap();
    assert!(formula.contains(&format!(
        "url \"https://example.org/files/{file}\"\n      sha256 \"{sum}\""
    )));
    // The PKGBUILD is a script of bash, and says the same to makepkg.
    let script = ". \"$1\"; echo \"$pkgname $pkgver ${source_x86_64[0]} ${sha256sums_x86_64[0]}\"";
    let mut bash = Command::new("bash");
    bash.args(["-euc", script, "bash"]).arg(folder.join("PKGBUILD"));
    let told = successful(&bash.output().unwrap());
    if file.contains("x86_64") {
        assert_eq!(
            told,
            format!("{NAME}-bin {VERSION} https://example.org/files/{file} {sum}\n")
        );
    }
}

#[test]
fn install_script_has_no_finding_of_shellcheck() {
    if !installed("shellcheck") {
        return;
    }
    let sandbox = Sandbox::new();
    let folder = files(&sandbox);
    assert_eq!(run("shellcheck", &[&folder.join("install.sh")]), "");
}

#[test]
fn container_and_flake_take_name_and_version_from_one_place() {
    let text = |name: &str| std::fs::read_to_string(root().join(name)).unwrap();
    let containerfile = text("packaging/Containerfile");
    for line in [
        "USER node",
        "ENTRYPOINT [\"openclaw\"]",
        "COPY --from=unpacked /tree/bin/openclaw-rs /usr/local/bin/openclaw",
    ] {
        assert!(containerfile.lines().any(|found| found == line), "{line}");
    }
    assert!(containerfile.contains("\nHEALTHCHECK "));
    let flake = text("flake.nix");
    assert!(flake.contains("builtins.readFile ./Cargo.toml"));
    assert!(
        !flake.contains(VERSION) && !flake.contains(NAME),
        "read from Cargo.toml"
    );
}
