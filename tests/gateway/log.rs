//! Tests of the log of a gateway: its files, its language, that it contains no secrets and never stops the gateway.

use std::time::SystemTime;

use serde_json::Value;

use crate::support::gateway::{Gateway, TOKEN, command, configure, log, state, wait_for};
use crate::support::pty::{Key, Size, Terminal};
use crate::support::{Reason, Sandbox, skipped};

#[test]
fn log_is_json_in_the_file_and_sentences_on_the_console() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let (port, pid) = (gateway.port, gateway.pid());
    let exited = gateway.stop().with(0);
    let text = log(&sandbox, "rescue");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let lines_with_code = |code: &str| {
        lines
            .iter()
            .filter(move |line| line["code"] == code)
            .collect::<Vec<_>>()
    };
    let at = lines_with_code("gateway.listening");
    assert!(
        at.iter().any(|line| line["message"]
            .as_str()
            .unwrap()
            .contains(&format!("127.0.0.1:{port}"))),
        "{text}"
    );
    assert!(
        lines_with_code("gateway.starting")[0]["message"]
            .as_str()
            .unwrap()
            .contains(&pid.to_string())
    );
    let config = sandbox.path(state("rescue").join("openclaw.json"));
    assert!(
        lines_with_code("gateway.config")[0]["message"]
            .as_str()
            .unwrap()
            .contains(config.to_str().unwrap())
    );
    assert_eq!(lines_with_code("gateway.ended").len(), 1);
    assert!(exited.stdout.contains(&format!("127.0.0.1:{port}")), "{exited:?}");
    assert!(!exited.stdout.contains('{'), "no JSON for people: {exited:?}");
}

#[test]
fn log_is_in_the_language_of_the_record() {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw-rescue/instance.toml", "language = 'tr'\n");
    let _ = Gateway::start(&sandbox, "rescue").stop().with(0);
    assert!(log(&sandbox, "rescue").contains("Dinleniyor: 127.0.0.1"));
}

#[test]
fn no_secret_is_logged_or_printed() {
    const CANARY: &str = "canary-0815-secret";
    let sandbox = Sandbox::new().var("CANARY_TOKEN", CANARY);
    let port = configure(&sandbox, "rescue");
    let config = sandbox.read(".openclaw-rescue/openclaw.json");
    let with_variable = config.replace(TOKEN, "${CANARY_TOKEN}");
    sandbox.write(".openclaw-rescue/openclaw.json", &with_variable);
    let gateway = Gateway::launch(command(&sandbox, "rescue", &["--verbose"]), port);
    // A reload and its refusal log about the config too.
    let broken = with_variable.replace("\"token\":", "\"tokne\":");
    sandbox.write(
        ".openclaw-rescue/openclaw.json",
        broken.replace("${CANARY_TOKEN}", CANARY),
    );
    wait_for("a refusal", || {
        log(&sandbox, "rescue")
            .contains("gateway.reload-refused")
            .then_some(())
    });
    let _ = crate::support::gateway::request(port, "GET", "/", &[&format!("Authorization: Bearer {CANARY}")]);
    let exited = gateway.stop().with(0);
    for text in [&exited.stdout, &exited.stderr, &log(&sandbox, "rescue")] {
        assert!(!text.contains(CANARY), "{text}");
        assert!(!text.contains(TOKEN), "{text}");
    }
}

#[test]
fn secrets_can_be_given_in_files() {
    use std::io::Write as _;
    let sandbox = Sandbox::new();
    let port = configure(&sandbox, "rescue");
    let file = sandbox.write("token", "from-a-file\n");
    let _ = Gateway::launch(
        command(&sandbox, "rescue", &["--token-file", file.to_str().unwrap()]),
        port,
    )
    .stop()
    .with(0);
    let mut run = command(&sandbox, "rescue", &["--password-file", "-"]);
    let (read, mut write) = std::io::pipe().unwrap();
    run.stdin(read);
    write.write_all(b"from-a-pipe\n").unwrap();
    drop(write);
    let _ = Gateway::launch(run, port).stop().with(0);
    let none = sandbox
        .run(["--profile", "rescue", "gateway", "--token-file", "/nonexistent"])
        .exits(2);
    assert!(none.stderr.contains("--token-file"), "{}", none.stderr);
    let empty = sandbox
        .run(["--profile", "rescue", "gateway", "--token", " "])
        .exits(2);
    assert!(empty.stderr.contains("--token "), "{}", empty.stderr);
}

#[test]
fn gateway_runs_without_a_log_file() {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw-rescue/logs", "a file where the folder should be");
    let gateway = Gateway::start(&sandbox, "rescue");
    assert!(
        gateway.stderr().contains(".openclaw-rescue/logs"),
        "{}",
        gateway.stderr()
    );
    let _ = gateway.stop().with(0);
}

#[test]
fn fourteen_log_files_are_kept_and_other_files_are_left() {
    let sandbox = Sandbox::new();
    let folder = ".openclaw-rescue/logs";
    let service = format!("{folder}/gateway.log");
    sandbox.write(&service, "a service manager's");
    // The oldest file is created first: the library goes by the age of a file, not by its name.
    let mut last = None;
    for day in 1..=20 {
        last = Some(wait_for("a later file", || {
            let path = sandbox.write(format!("{folder}/openclaw.2026-01-{day:02}.log"), "{}\n");
            // The clock of a file system is coarse: the file is created again until it is later.
            let made = std::fs::metadata(&path)
                .unwrap()
                .created()
                .unwrap_or(SystemTime::now());
            if last.is_none_or(|last| made > last) {
                return Some(made);
            }
            std::fs::remove_file(path).unwrap();
            None
        }));
    }
    let _ = Gateway::start(&sandbox, "rescue").stop().with(0);
    let files = std::fs::read_dir(sandbox.path(folder)).unwrap();
    let mut files: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let (today, kept) = files[1..].split_last().unwrap();
    assert_eq!(files[0], "gateway.log");
    assert!(!today.starts_with("openclaw.2026-01"), "{today}");
    let expected: Vec<_> = (8..=20)
        .map(|day| format!("openclaw.2026-01-{day:02}.log"))
        .collect();
    assert_eq!(kept, expected, "thirteen and the one of today");
}

#[test]
fn full_disk_does_not_stop_the_gateway() {
    let sandbox = Sandbox::new();
    let port = configure(&sandbox, "rescue");
    std::fs::create_dir_all(sandbox.path(".openclaw-rescue/logs")).unwrap();
    // The log folder is a full file system of one page, in a mount namespace of the gateway's own.
    let program = command(&sandbox, "rescue", &[]);
    let mut run = std::process::Command::new("unshare");
    run.args(["--map-root-user", "--mount", "sh", "-c"]);
    run.arg("mount -t tmpfs -o size=4k none .openclaw-rescue/logs && head -c 4096 /dev/zero > .openclaw-rescue/logs/full && exec \"$0\" \"$@\"");
    run.arg(program.get_program()).args(program.get_args());
    run.env_clear().current_dir(sandbox.home());
    for (name, value) in program.get_envs() {
        run.env(name, value.unwrap_or_default());
    }
    let possible = std::process::Command::new("unshare")
        .args([
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            "mount -t tmpfs none /mnt",
        ])
        .output();
    if !possible.is_ok_and(|output| output.status.success()) {
        return skipped(Reason::NoNamespaces, "no mount namespace can be made");
    }
    let mut gateway = Gateway::launch(run, port);
    assert!(gateway.runs());
    let _ = gateway.stop().with(0);
}

#[test]
fn closed_standard_output_does_not_stop_the_gateway() {
    let sandbox = Sandbox::new();
    let port = configure(&sandbox, "rescue");
    let mut run = command(&sandbox, "rescue", &[]);
    let (reader, writer) = std::io::pipe().unwrap();
    run.stdout(writer).stderr(std::process::Stdio::null());
    drop(reader);
    let mut child = run.spawn().unwrap();
    let up = wait_for("it answers", || {
        crate::support::gateway::request(port, "GET", "/health", &[])
    });
    assert_eq!(up.json()["pid"], child.id());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn gateway_on_a_terminal_says_where_its_dashboard_is_and_how_to_stop_it() {
    let sandbox = Sandbox::new();
    let port = configure(&sandbox, "rescue");
    for (lang, columns, line) in [
        (
            "en",
            80,
            format!("Dashboard: http://127.0.0.1:{port}/ · Ctrl-C stops the gateway"),
        ),
        (
            "tr",
            40,
            format!("Pano: http://127.0.0.1:{port}/ · Gateway’i Ctrl-C durdurur"),
        ),
    ] {
        let args = ["--profile", "rescue", "--lang", lang, "gateway"];
        let mut terminal = Terminal::start(&sandbox, args, Size::tall(columns));
        terminal.wait_for(&line).press(Key::CtrlC);
        assert_eq!(terminal.exit_code(), 0);
    }
    let gateway = Gateway::start(&sandbox, "rescue");
    assert!(!gateway.stop().with(0).stdout.contains("Dashboard:"));
}
