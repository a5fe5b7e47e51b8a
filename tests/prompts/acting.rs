//! The questions of commands that act: what is asked, and that each way to say no leaves all as it was.

use std::os::unix::fs::PermissionsExt as _;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::Sandbox;
use crate::support::gateway::{Gateway, configure, wait_for};
use crate::support::pty::{Key, Size, Terminal};

/// A home with `main`, which is down, and `rescue`.
fn beside_main() -> Sandbox {
    let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
    configure(&sandbox, "main");
    configure(&sandbox, "rescue");
    sandbox
}

fn mode(sandbox: &Sandbox, path: &str) -> u32 {
    let meta = std::fs::metadata(sandbox.path(path)).unwrap();
    meta.permissions().mode() & 0o777
}

fn status(sandbox: &Sandbox, profile: &str) -> serde_json::Value {
    sandbox.run(["--profile", profile, "status", "--json"]).json()
}

/// Ends the gateway that a repair started, whatever becomes of the test.
struct Ended<'a>(&'a Sandbox);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let pid = status(self.0, "main")["gateway"]["pid"].as_i64();
        let pid = pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        // One that has ended already is what is wanted.
        let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
    }
}

#[test]
fn rescue_repairs_only_after_a_yes() {
    let sandbox = beside_main();
    let repair = ["--lang", "tr", "--profile", "rescue", "rescue", "repair", "main"];
    let ask = || {
        let mut terminal = Terminal::start(&sandbox, repair, Size::tall(80));
        terminal.wait_for("şimdi onarılsın mı?").wait_for("Hayır");
        terminal
    };
    let mut no = ask();
    no.type_in("h").press(Key::Enter).wait_for("Hiçbir şey yapılmadı");
    assert_eq!(no.exit_code(), 1);
    assert_eq!(ask().press(Key::CtrlC).exit_code(), 130);
    assert_eq!(status(&sandbox, "main")["verdict"], "not-running");
    assert!(
        !sandbox.path(".openclaw-main/logs").exists(),
        "nothing was started"
    );

    let _ended = Ended(&sandbox);
    let mut yes = ask();
    yes.type_in("e").press(Key::Enter).wait_for("Onarıldı");
    assert_eq!(yes.exit_code(), 0);
    assert_eq!(status(&sandbox, "main")["verdict"], "healthy");
}

#[test]
fn doctor_mends_only_after_a_yes() {
    const CONFIG: &str = ".openclaw-main/openclaw.json";
    let sandbox = beside_main();
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(sandbox.path(CONFIG), open).unwrap();
    let fix = ["--lang", "en", "--profile", "main", "doctor", "--fix"];
    let ask = || {
        let mut terminal = Terminal::start(&sandbox, fix, Size::tall(80));
        terminal
            .wait_for("from 0644 to 0600")
            .wait_for("Make these changes?");
        terminal
    };
    let mut no = ask();
    no.type_in("n").press(Key::Enter).wait_for("Nothing was changed");
    assert_eq!(no.exit_code(), 1);
    assert_eq!(ask().press(Key::CtrlC).exit_code(), 130);
    assert_eq!(mode(&sandbox, CONFIG), 0o644);
    let mut yes = ask();
    yes.type_in("y").press(Key::Enter).wait_for("Changes made");
    yes.exit_code();
    assert_eq!(mode(&sandbox, CONFIG), 0o600);
}

#[test]
fn a_running_gateway_is_ended_only_after_a_yes() {
    let sandbox = beside_main();
    let mut running = Gateway::start(&sandbox, "main");
    let force = ["--lang", "tr", "--profile", "main", "gateway", "--force"];
    let mut terminal = Terminal::start(&sandbox, force, Size::tall(80));
    terminal.wait_for("Çalışan gateway durdurulsun mu?");
    assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
    assert!(running.runs() && running.health().is_some(), "it was left alone");
}

#[test]
fn an_interrupted_gateway_says_that_it_ends() {
    let sandbox = beside_main();
    let gateway = ["--lang", "tr", "--profile", "main", "gateway"];
    let mut terminal = Terminal::start(&sandbox, gateway, Size::tall(80));
    terminal.wait_for("Dinleniyor").wait_for("Günlük dosyaları");
    wait_for("it answers", || {
        (status(&sandbox, "main")["verdict"] == "healthy").then_some(())
    });
    terminal.press(Key::CtrlC).wait_for("Gateway durdu.");
    assert_eq!(terminal.exit_code(), 0);
}
