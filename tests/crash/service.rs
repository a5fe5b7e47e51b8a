//! Kills `gateway install` at each system call that writes: the service file is the old one or the new one, and the next
//! installation leaves what one in a single run leaves.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{KillPoint, WRITING_CALLS, kill_points};
use crate::onboard::{onboard_ok, sandbox_with_main};
use crate::support::strace::first_thread_under_strace;
use crate::support::{Reason, Sandbox, network, put_program, skipped};

/// The command that is killed. Where no manager waits for the gateway, it reports that the gateway is not healthy.
const INSTALL: [&str; 5] = ["--profile", "rescue", "gateway", "install", "--json"];
/// Exit code of a finished installation whose gateway does not answer.
const NOT_HEALTHY: i32 = 3;
/// The service file, below HOME.
const UNIT: &str = ".config/systemd/user/openclaw-gateway-rescue.service";

/// A service manager that starts nothing: its unit is active when it is asked for the first time after a restart, and then
/// stopped.
const MANAGER: &str = r#"#!/bin/sh
units=$HOME/.config/systemd/user unit=openclaw-gateway-rescue.service
started=$(dirname "$0")/started
case " $* " in
*" show --property=UnitPath "*) echo "UnitPath=$units" ;;
*" show "*)
    if [ -e "$units/$unit" ]; then
        echo "LoadState=loaded"; echo "FragmentPath=$units/$unit"
        [ ! -e "$units/default.target.wants/$unit" ] || echo UnitFileState=enabled
        if [ -e "$started" ]; then
            rm "$started"; echo ActiveState=active; echo MainPID=1
        else
            echo ActiveState=inactive
        fi
    else
        echo LoadState=not-found; echo ActiveState=inactive
    fi ;;
*" enable "*) mkdir -p "$units/default.target.wants"; ln -sf "$units/$unit" "$units/default.target.wants/$unit" ;;
*" restart "*) : >"$started" ;;
esac
"#;

/// Returns a home folder with a `rescue` instance and a service manager that starts nothing. `old_unit` is the service file
/// that is installed there already, with `ROOT` for the folder in which HOME lies.
fn home_with_manager(old_unit: Option<&str>) -> Sandbox {
    let sandbox = sandbox_with_main();
    let bin = sandbox.home().with_file_name("bin");
    std::fs::create_dir_all(&bin).expect("a folder");
    let text = bin.join("text");
    for (name, script) in [
        ("systemctl", MANAGER),
        ("systemd-analyze", "#!/bin/sh\n"),
        ("loginctl", "#!/bin/sh\nexit 1\n"),
        ("journalctl", "#!/bin/sh\n"),
    ] {
        std::fs::write(&text, script).expect("a file");
        put_program(&text, bin.join(name));
    }
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let sandbox = sandbox.var("PATH", path);
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    if let Some(text) = old_unit {
        sandbox.write(UNIT, text.replace("ROOT", &root(&sandbox)));
    }
    sandbox
}

/// Returns the folder in which HOME lies, which is another one in each home folder.
fn root(sandbox: &Sandbox) -> String {
    let home = sandbox.home();
    home.parent().expect("a folder").display().to_string()
}

/// Returns the installed service file, with `ROOT` for the folder in which HOME lies.
fn read_unit(sandbox: &Sandbox) -> Option<String> {
    let text = std::fs::read_to_string(sandbox.path(UNIT)).ok()?;
    Some(text.replace(&root(sandbox), "ROOT"))
}

/// Returns the paths below HOME with their modes.
fn shape(sandbox: &Sandbox) -> Vec<(PathBuf, u32)> {
    let tree = sandbox.tree().into_iter();
    tree.map(|(path, mode, _)| (path, mode)).collect()
}

/// The service file before an installation and after it, and the paths below HOME then.
struct Expected {
    old_unit: Option<String>,
    new_unit: String,
    done: Vec<(PathBuf, u32)>,
}

/// Kills an installation, checks what is left, and checks it again after the next one. Returns whether a temporary file or
/// folder was left.
fn kill_and_install(kill: &KillPoint, expected: &Expected) -> bool {
    let sandbox = home_with_manager(expected.old_unit.as_deref());
    let inject = format!("inject={}:signal=KILL:when={}", kill.call, kill.nth);
    let trace = format!("trace={}", kill.call);
    let options = ["-o", "/dev/null", "-e", &trace, "-e", &inject];
    let program = sandbox.command(INSTALL);
    let status = first_thread_under_strace(&sandbox, &program, &options).status();
    let code = status.expect("strace").code();
    assert_ne!(code, Some(NOT_HEALTHY), "{kill:?} came to nothing");
    let unit = read_unit(&sandbox);
    let is_whole = unit == expected.old_unit || unit.as_ref() == Some(&expected.new_unit);
    assert!(is_whole, "{kill:?}: {unit:?}");
    let is_temporary =
        |path: &PathBuf| path.ends_with("service-check") || path.extension().is_some_and(|end| end == "tmp");
    let has_leftover = shape(&sandbox).iter().any(|(path, _)| is_temporary(path));

    let _ = sandbox.run(INSTALL).exits(NOT_HEALTHY);
    assert_eq!(read_unit(&sandbox).as_ref(), Some(&expected.new_unit), "{kill:?}");
    assert_eq!(shape(&sandbox), expected.done, "{kill:?}");
    has_leftover
}

/// Kills an installation at each of its calls. `old_unit` makes the service file that is there before of the new one.
fn kill_everywhere(old_unit: Option<fn(&str) -> String>) {
    let sandbox = home_with_manager(None);
    let _ = sandbox.run(INSTALL).exits(NOT_HEALTHY);
    let new_unit = read_unit(&sandbox).expect("a service file");
    let old_unit = old_unit.map(|change| change(&new_unit));

    let sandbox = home_with_manager(old_unit.as_deref());
    let trace = tempfile::NamedTempFile::new().expect("a file");
    let path = trace.path().to_str().expect("text");
    let count = ["-o", path, "-e", &format!("trace={WRITING_CALLS}")];
    match first_thread_under_strace(&sandbox, &sandbox.command(INSTALL), &count).status() {
        Ok(status) if status.code() == Some(NOT_HEALTHY) => {}
        Ok(_) => return skipped(Reason::NoTracing, "the program under strace failed"),
        Err(_) => return skipped(Reason::NoProgram("strace"), "system calls are counted with it"),
    }
    let calls = std::fs::read_to_string(path).expect("a trace");
    // The trace of a single thread does not number it.
    let calls: Vec<_> = calls.lines().map(|line| format!("1 {line}")).collect();
    let kills = kill_points(&calls.join("\n"));
    let expected = Expected {
        done: shape(&sandbox),
        old_unit,
        new_unit,
    };
    let (next, leftovers) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(kill) = kills.get(next.fetch_add(1, Ordering::Relaxed)) {
                    leftovers.fetch_add(kill_and_install(kill, &expected).into(), Ordering::Relaxed);
                }
            });
        }
    });
    assert!(leftovers.into_inner() > 3, "{kills:?}");
}

#[test]
fn killed_installation_leaves_nothing_that_the_next_one_does_not_remove() {
    network::own(|| kill_everywhere(None));
}

#[test]
fn killed_installation_over_a_changed_service_file_keeps_one_copy_of_it() {
    network::own(|| kill_everywhere(Some(|new| new.replace("[Service]\n", "[Service]\nNice=5\n"))));
}

#[test]
fn leftovers_of_a_killed_installation_are_named_by_doctor() {
    let sandbox = home_with_manager(None);
    let temporary = sandbox.write(
        ".config/systemd/user/.openclaw-gateway-rescue.service.0123456789.tmp",
        "[Un",
    );
    let staged = sandbox.write(
        ".openclaw-rescue/service-check/openclaw-gateway-rescue.service",
        "[Un",
    );
    let folder = staged.parent().expect("a folder");
    let opened = std::fs::File::open(folder).expect("a folder");
    opened.set_modified(std::time::UNIX_EPOCH).expect("a time");
    let found = sandbox.run(["--profile", "rescue", "doctor", "--json"]).json();
    let found = found["findings"].as_array().expect("findings").clone();
    let commands: Vec<_> = found
        .iter()
        .filter(|finding| finding["id"] == "state-leftover")
        .map(|finding| finding["mend"].to_string())
        .collect();
    for path in [&temporary, folder] {
        let named = path.to_str().expect("text");
        assert!(
            commands.iter().any(|command| command.contains(named)),
            "{named}: {found:?}"
        );
    }
}
