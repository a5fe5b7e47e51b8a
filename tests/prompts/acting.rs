//! The questions of commands that change something: every way to decline leaves everything unchanged.

use std::os::unix::fs::PermissionsExt as _;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::Sandbox;
use crate::support::gateway::{Gateway, configure, wait_for};
use crate::support::pty::{Key, Size, Terminal};

/// Creates a home folder with the instances `main`, which is not running, and `rescue`.
fn sandbox_with_two_instances() -> Sandbox {
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

/// Ends the gateway that a repair started, even where the test fails.
struct EndGatewayOnDrop<'a>(&'a Sandbox);

impl Drop for EndGatewayOnDrop<'_> {
    fn drop(&mut self) {
        let pid = status(self.0, "main")["gateway"]["pid"].as_i64();
        let pid = pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        // A gateway that has already ended is fine.
        let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
    }
}

#[test]
fn rescue_repairs_only_after_confirmation() {
    let sandbox = sandbox_with_two_instances();
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

    let _end = EndGatewayOnDrop(&sandbox);
    let mut yes = ask();
    yes.type_in("e").press(Key::Enter).wait_for("Onarıldı");
    assert_eq!(yes.exit_code(), 0);
    assert_eq!(status(&sandbox, "main")["verdict"], "healthy");
}

#[test]
fn doctor_fixes_only_after_confirmation() {
    const CONFIG: &str = ".openclaw-main/openclaw.json";
    let sandbox = sandbox_with_two_instances();
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
fn force_ends_a_running_gateway_only_after_confirmation() {
    let sandbox = sandbox_with_two_instances();
    let mut running = Gateway::start(&sandbox, "main");
    let force = ["--lang", "tr", "--profile", "main", "gateway", "--force"];
    let mut terminal = Terminal::start(&sandbox, force, Size::tall(80));
    terminal.wait_for("Çalışan gateway durdurulsun mu?");
    assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
    assert!(running.runs() && running.health().is_some(), "it still runs");
}

#[test]
fn interrupted_gateway_reports_that_it_stops() {
    let sandbox = sandbox_with_two_instances();
    let gateway = ["--lang", "tr", "--profile", "main", "gateway"];
    let mut terminal = Terminal::start(&sandbox, gateway, Size::tall(80));
    terminal.wait_for("Dinleniyor").wait_for("Günlük dosyaları");
    wait_for("it answers", || {
        (status(&sandbox, "main")["verdict"] == "healthy").then_some(())
    });
    terminal.press(Key::CtrlC).wait_for("Gateway durdu.");
    assert_eq!(terminal.exit_code(), 0);
}
