//! Commands that run on another host.

use super::TwoHosts;
use crate::rescue::without_manager::{BROKEN_CONFIG, SpawnedGateway};
use crate::support::gateway;
use crate::support::pty::{Key, Size, Terminal};

#[test]
fn command_runs_on_the_host_with_its_words_profile_language_and_exit_code() {
    let Some(TwoHosts { here, there, .. }) = TwoHosts::new() else {
        return;
    };
    let _ = here.run(["--host", "box", "--profile", "work", "setup"]).exits(0);
    assert!(there.path(".openclaw-work/openclaw.json").exists());
    assert!(!here.path(".openclaw-work").exists(), "nothing is set up here");
    let port = here.run([
        "--host",
        "box",
        "config",
        "get",
        "gateway.port",
        "--profile",
        "work",
    ]);
    let port: u16 = port.exits(0).stdout.trim().parse().expect("a port");
    assert!(
        there
            .read(".openclaw-work/openclaw.json")
            .contains(&port.to_string())
    );
    let odd = "it's $HOME; `id` \"x\" \\ *";
    let _ = here
        .run([
            "--host",
            "box",
            "--profile",
            "work",
            "config",
            "set",
            "gateway.auth.token",
            odd,
        ])
        .exits(0);
    let config = there.read(".openclaw-work/openclaw.json");
    assert!(config.contains("it's $HOME; `id` \\\"x\\\" \\\\ *"), "{config}");
    let missing = here.run(["--host", "box", "--lang", "tr", "config", "get", "no.such"]);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("Henüz yapılandırma yok"), "{missing:?}");
    let behind = here.run(["profiles", "--host", "box", "--json"]).exits(0).json();
    assert_eq!(behind["profiles"][0]["name"], "work");
    let narrow = here.run(["--host", "box", "status", "--all"]).exits(1).stdout;
    assert!(
        narrow.lines().next().is_some_and(|line| line.contains("Port")),
        "80 columns: {narrow}"
    );
    let mut terminal = Terminal::start(&here, ["--host", "box", "status", "--all"], Size::tall(40));
    assert_eq!(terminal.exit_code(), 1);
    assert!(
        terminal.screen().contains("Profile: work"),
        "40 columns: {}",
        terminal.screen().text()
    );
    let alone = here.run(["--host=box"]).exits(1).stdout;
    assert!(alone.contains("work"), "{alone}");
    let unknown = here.run(["--host", "attic", "ports", "--json"]).exits(1).json();
    assert_eq!(unknown["code"], "hosts.unknown");
}

#[test]
fn standard_input_reaches_the_command_on_the_host() {
    let Some(TwoHosts { here, there, .. }) = TwoHosts::new() else {
        return;
    };
    let _ = there.run(["setup"]).exits(0);
    let mut command = here.command(["--host", "box", "config", "set", "gateway.auth.token", "--stdin"]);
    let token = here.write("token", "0123456789abcdef0123456789abcdef\n");
    let input = std::fs::File::open(token).expect("the token");
    let output = command.stdin(input).output().expect("the program");
    assert!(output.status.success(), "{output:?}");
    let config = there.read(".openclaw/openclaw.json");
    assert!(config.contains("0123456789abcdef0123456789abcdef"), "{config}");
}

#[test]
fn broken_gateway_on_another_host_is_repaired_from_here_after_a_question() {
    let Some(TwoHosts { here, there, .. }) = TwoHosts::new() else {
        return;
    };
    let good = gateway::config(gateway::free_base());
    there.write(".openclaw/openclaw.json", BROKEN_CONFIG);
    there.write(".openclaw/openclaw.json.last-good", &good);
    let shown = here.run(["--host", "box", "rescue"]).exits(1);
    assert!(
        shown.stdout.contains("config") && shown.stderr.contains("--yes"),
        "{shown:?}"
    );
    assert_eq!(
        there.read(".openclaw/openclaw.json"),
        BROKEN_CONFIG,
        "nobody agreed"
    );

    let mut session = Terminal::start(&here, ["--host", "box", "rescue"], Size::tall(80));
    session.wait_for("repaired on box");
    session.type_in("n").press(Key::Enter);
    assert_eq!(session.exit_code(), 1);
    assert_eq!(
        there.read(".openclaw/openclaw.json"),
        BROKEN_CONFIG,
        "it was declined"
    );

    let _gateway = SpawnedGateway(&there);
    let mut session = Terminal::start(&here, ["--lang", "tr", "--host", "box", "rescue"], Size::tall(80));
    session.wait_for("box makinesindeki default onarılsın mı");
    session.type_in("e").press(Key::Enter);
    assert_eq!(session.exit_code(), 0);
    let causes = session.screen().text().matches("Olası nedenler").count();
    assert_eq!(
        causes,
        1,
        "the diagnosis is shown once: {}",
        session.screen().text()
    );
    assert_eq!(there.read(".openclaw/openclaw.json"), good);
    let status = here.run(["status", "--all", "--hosts"]).exits(0).stdout;
    assert!(status.contains("box") && status.contains("healthy"), "{status}");
    let history = here
        .run(["--host", "box", "rescue", "history", "--json"])
        .exits(0)
        .json();
    let repair = &history["repairs"][0];
    assert_eq!(repair["target"], "default");
    assert_ne!(
        repair["rescuer"], "default",
        "it came from another host: {history}"
    );
}
