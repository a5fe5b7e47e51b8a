//! What other programs make of the files of a release: their own languages, makepkg, and the schemas of `CycloneDX` and of
//! workflows.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{NAME, VERSION, make, only_file, release_files, run, successful};
use crate::support::{Sandbox, installed};
use crate::words::root;

/// The tools from the Python index, each with its version.
const PYTHON_TOOLS: [&str; 2] = [
    "cyclonedx-python-lib[json-validation]==11.12.0",
    "check-jsonschema==0.39.0",
];
/// A script of Python that holds a bill of materials against the schema of its own version.
const VALIDATION: &str = "import json, sys\n\
    from cyclonedx.schema import SchemaVersion\n\
    from cyclonedx.validation.json import JsonStrictValidator\n\
    text = open(sys.argv[1]).read()\n\
    version = SchemaVersion.from_version(json.loads(text)['specVersion'])\n\
    sys.exit(JsonStrictValidator(version).validate_str(text))\n";

#[test]
fn formula_is_ruby_and_flake_is_nix() {
    let sandbox = Sandbox::new();
    if installed("ruby") {
        let formula = make(&sandbox, &["archive", "installers"]).join(format!("{NAME}.rb"));
        assert_eq!(run("ruby", &["-c".as_ref(), &formula]), "Syntax OK\n");
    }
    if installed("nix-instantiate") {
        let parsed = run(
            "nix-instantiate",
            &["--parse".as_ref(), &root().join("flake.nix")],
        );
        assert!(parsed.contains("buildRustPackage"), "{parsed}");
    }
}

#[test]
fn makepkg_builds_what_the_pkgbuild_says() {
    // Debian has the three in packages of their own.
    let tools = ["makepkg", "pacman", "bsdtar"];
    if !cfg!(target_arch = "x86_64") || !tools.into_iter().all(installed) {
        return;
    }
    let sandbox = Sandbox::new();
    let folder = make(&sandbox, &["archive", "installers"]);
    // It takes what lies beside the file, and refuses to run as root.
    let script = "chown -R nobody . && setpriv --reuid nobody --clear-groups env HOME=$PWD PKGEXT=.pkg.tar \
        makepkg --nodeps --noconfirm";
    let mut command = Command::new("sh");
    let script = if rustix::process::geteuid().is_root() {
        // The folder above belongs to root alone.
        std::fs::set_permissions(
            sandbox.home().parent().unwrap(),
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .unwrap();
        script
    } else {
        "PKGEXT=.pkg.tar makepkg --nodeps --noconfirm"
    };
    let built = command
        .args(["-euc", script])
        .current_dir(&folder)
        .output()
        .unwrap();
    let _ = successful(&built);
    let package = only_file(&folder, ".pkg.tar");
    let listed = run("tar", &["-tf".as_ref(), &package]);
    for file in [
        "usr/bin/openclaw-rs",
        "usr/share/man/tr/man1/openclaw-onboard.1.gz",
        ".PKGINFO",
    ] {
        assert!(listed.lines().any(|line| line == file), "{file}: {listed}");
    }
    let read = |file: &str| run("tar", &["-xOf".as_ref(), &package, Path::new(file)]);
    assert_eq!(read("usr/share/openclaw-rs/install-method"), "pacman\n");
    let info = read(".PKGINFO");
    assert!(info.contains(&format!("pkgname = {NAME}-bin\n")), "{info}");
    assert!(info.contains(&format!("pkgver = {VERSION}-1\n")), "{info}");
    if rustix::process::geteuid().is_root() {
        install_with_pacman(&sandbox, &package);
    }
}

/// Installs a package in a root of its own and removes it again.
fn install_with_pacman(sandbox: &Sandbox, package: &Path) {
    let root = sandbox.path("root");
    std::fs::create_dir_all(root.join("db")).unwrap();
    let pacman = |words: &[&str], target: &Path| {
        let mut command = Command::new("pacman");
        command
            .args(words)
            .args(["--noconfirm", "-dd", "--root"])
            .arg(&root);
        for option in ["dbpath", "cachedir", "hookdir", "gpgdir", "logfile"] {
            let value = root.join(if option == "dbpath" { "db" } else { option });
            command.arg(format!("--{option}")).arg(value);
        }
        let _ = successful(&command.arg(target).output().unwrap());
    };
    pacman(&["-U"], package);
    assert!(root.join("usr/bin/openclaw-rs").is_file());
    pacman(&["-R"], Path::new("openclaw-rs-bin"));
    assert!(!root.join("usr").exists());
}

#[test]
fn bill_of_materials_and_workflows_fit_their_schemas() {
    let Some(folder) = release_files() else { return };
    let Some(tools) = python_tools() else { return };
    let bill = only_file(&folder, ".cdx.json");
    let mut validation = Command::new(tools.join("python"));
    validation.args(["-c", VALIDATION]).arg(&bill);
    let _ = successful(&validation.output().unwrap());
    let workflows = root().join(".github/workflows");
    let mut check = Command::new(tools.join("check-jsonschema"));
    check.args(["--builtin-schema", "vendor.github-workflows"]);
    check.args(["ci.yml", "release.yml"].map(|name| workflows.join(name)));
    let _ = successful(&check.output().unwrap());
}

/// Returns the folder of the tools from the Python index, which are installed once; elsewhere the calling test counts as skipped.
#[track_caller]
fn python_tools() -> Option<PathBuf> {
    if !installed("python3") {
        return None;
    }
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?;
    let base = cache.join("openclaw-tests/release-tools-1");
    let tools = base.join("bin");
    if !tools.join("check-jsonschema").exists() {
        let _ = std::fs::remove_dir_all(&base);
        let _ = run("python3", &["-m".as_ref(), "venv".as_ref(), &base]);
        let mut pip = Command::new(tools.join("pip"));
        let _ = successful(&pip.args(["install", "-q"]).args(PYTHON_TOOLS).output().unwrap());
    }
    Some(tools)
}
