//! `openclaw man`: the pages that it writes, rendered by the system's own `man`.

use crate::support::Sandbox;
use crate::support::pty::{Size, Terminal};

#[test]
fn page_is_in_the_language_of_the_user_and_needs_no_home() {
    for (lang, heading, option) in [
        ("en", "SYNOPSIS", "Profile to work on"),
        ("tr", "KULLANIM", "Hangi profille"),
    ] {
        let sandbox = Sandbox::new().var("OPENCLAW_LANG", lang);
        let output = sandbox.command(["man"]).env_remove("HOME").output().unwrap();
        let page = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success());
        assert!(page.contains(&format!(".SH {heading}\n")), "{page}");
        assert!(page.contains(option), "{page}");
        assert!(page.contains("\\fB78\\fR"), "{page}");
    }
}

#[test]
fn folder_gets_one_page_for_each_command() {
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.path("pages")).unwrap();
    let before = sandbox.write("pages/openclaw.1", "old");
    let ran = sandbox.run(["man", "--dir", "pages"]).exits(0);
    assert_eq!(ran.stdout, "");
    assert!(
        std::fs::read_to_string(before)
            .unwrap()
            .contains(".TH openclaw 1")
    );
    let names: Vec<_> = sandbox
        .tree()
        .into_iter()
        .filter_map(|(path, _, _)| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    for name in [
        "openclaw-onboard.1",
        "openclaw-config-set.1",
        "openclaw-profiles-remove.1",
    ] {
        assert!(names.iter().any(|n| n == name), "{names:?}");
    }
    assert!(!names.iter().any(|n| n.contains("tmp")), "{names:?}");
}

#[cfg(unix)]
#[test]
fn symlink_in_the_place_of_a_page_is_not_written_through() {
    let sandbox = Sandbox::new();
    let target = sandbox.write("precious", "mine");
    std::fs::create_dir_all(sandbox.path("pages")).unwrap();
    std::os::unix::fs::symlink(&target, sandbox.path("pages/openclaw.1")).unwrap();
    let _ = sandbox.run(["man", "--dir", "pages"]).exits(1);
    assert_eq!(sandbox.read("precious"), "mine");
    let _ = sandbox.run(["man", "--dir", "nowhere"]).exits(1);
    assert!(!sandbox.path("nowhere").exists());
    let ran = sandbox.run(["man", "--dir", "it's new"]).exits(1);
    assert!(ran.stderr.contains(r"mkdir -p 'it'\''s new'"), "{}", ran.stderr);
}

// The flags of `man` are those of man-db.
#[cfg(target_os = "linux")]
#[test]
fn man_renders_every_page_without_a_warning() {
    use std::process::Command;

    use crate::support::installed;

    if !installed("man") || !installed("groff") {
        return;
    }
    for lang in ["en", "tr"] {
        let sandbox = Sandbox::new().var("OPENCLAW_LANG", lang);
        std::fs::create_dir_all(sandbox.path("pages")).unwrap();
        let _ = sandbox.run(["man", "--dir", "pages"]).exits(0);
        for entry in std::fs::read_dir(sandbox.path("pages")).unwrap() {
            let page = entry.unwrap().path();
            let output = Command::new("man")
                .args(["--warnings=w", "-l"])
                .arg(&page)
                .env("LC_ALL", "C.UTF-8")
                .env("MANWIDTH", "80")
                .output()
                .unwrap();
            let page = page.display();
            assert!(output.status.success(), "{page}");
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{page}");
            assert!(
                String::from_utf8_lossy(&output.stdout).contains("--profile"),
                "{page}"
            );
        }
    }
}

#[test]
fn page_is_text_on_a_terminal_without_man_and_source_elsewhere() {
    let sandbox = Sandbox::new().var("LANG", "C.UTF-8").var("PATH", "/nowhere");
    let mut terminal = Terminal::start(&sandbox, ["man", "config", "set"], Size::tall(80));
    terminal.wait_for("openclaw-config-set - ");
    assert_eq!(terminal.exit_code(), 0);
    assert!(!terminal.screen().contains(".SH"), "{}", terminal.screen().text());
    let source = sandbox.run(["man", "config", "set"]).exits(0).stdout;
    assert!(source.contains(".SH NAME"), "{source}");
    let unknown = sandbox.run(["man", "confg"]).exits(2);
    assert!(unknown.stderr.contains("config"), "{unknown:?}");
}
