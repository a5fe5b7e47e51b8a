//! Tests of the start, the run and the end of a gateway.

use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;

use crate::support::Sandbox;
use crate::support::gateway::{
    Gateway, TOKEN, WAIT_TIMEOUT, command, config, configure, free_base, state, wait_for,
};

#[test]
fn every_signal_ends_a_running_gateway_in_order() {
    let sandbox = Sandbox::new();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let gateway = Gateway::start(&sandbox, "rescue");
        let answer = gateway.get("/health").unwrap();
        assert_eq!(answer.status, 200, "{}", answer.head);
        let live = answer.json();
        assert_eq!(live["profile"], "rescue");
        assert_eq!(live["engine"], "native");
        assert_eq!(live["instanceId"].as_str().unwrap().len(), 16);
        gateway.signal(signal);
        let _ = gateway.exited().with(0);
    }
}

#[test]
fn killing_one_gateway_does_not_affect_another() {
    let sandbox = Sandbox::new();
    let main = Gateway::start(&sandbox, "main");
    let mut rescue = Gateway::start(&sandbox, "rescue");
    let (main_identity, rescue_identity) = (main.health().unwrap(), rescue.health().unwrap());
    assert_ne!(main_identity["instanceId"], rescue_identity["instanceId"]);
    main.signal(Signal::KILL);
    assert_eq!(main.exited().code, None);
    assert!(rescue.runs());
    assert_eq!(rescue.health().unwrap()["bootId"], rescue_identity["bootId"]);
    // The files that a killed gateway leaves do not block its next start.
    let again = Gateway::start(&sandbox, "main");
    assert_eq!(again.health().unwrap()["instanceId"], main_identity["instanceId"]);
    assert_ne!(again.health().unwrap()["bootId"], main_identity["bootId"]);
}

#[test]
fn gateway_writes_in_its_own_state_folder_only() {
    let sandbox = Sandbox::new();
    configure(&sandbox, "main");
    let before = sandbox.tree();
    let gateway = Gateway::start(&sandbox, "rescue");
    let last_good = sandbox.path(".openclaw-rescue/openclaw.json.last-good");
    wait_for("the good config is saved", || last_good.exists().then_some(()));
    let _ = gateway.stop().with(0);
    let mut after = sandbox.tree();
    after.retain(|(path, ..)| !path.starts_with(".openclaw-rescue"));
    assert_eq!(before, after);
}

#[test]
fn files_of_a_gateway_are_private_to_its_user() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let last_good = sandbox.path(".openclaw-rescue/openclaw.json.last-good");
    wait_for("the good config is saved", || last_good.exists().then_some(()));
    let _ = gateway.stop().with(0);
    let mut checked = 0;
    for (path, mode, _) in sandbox.tree() {
        let config = state("rescue").join("openclaw.json");
        if path.starts_with(state("rescue")) && path != config && path != state("rescue") {
            assert_eq!(mode & 0o077, 0, "{}", path.display());
            checked += 1;
        }
    }
    assert!(checked >= 4, "lock, log, its folder, last good config");
}

#[test]
fn flags_override_the_config() {
    let sandbox = Sandbox::new();
    configure(&sandbox, "rescue");
    let port = free_base();
    let gateway = Gateway::launch(command(&sandbox, "rescue", &["--port", &port.to_string()]), port);
    assert_eq!(gateway.health().unwrap()["profile"], "rescue");
}

#[test]
fn missing_config_is_refused_with_the_command_that_creates_one() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(["--profile", "rescue", "gateway"]).exits(78);
    assert!(
        ran.stderr.contains("openclaw --profile rescue onboard"),
        "{}",
        ran.stderr
    );
    assert_eq!(sandbox.tree(), [], "a refusal writes nothing");
    let args = ["--allow-unconfigured", "--token", TOKEN, "--port"];
    let port = free_base();
    let mut args: Vec<&str> = args.to_vec();
    let number = port.to_string();
    args.push(&number);
    let gateway = Gateway::launch(command(&sandbox, "rescue", &args), port);
    let _ = gateway.stop().with(0);
}

#[test]
fn dev_creates_a_working_config_once() {
    let sandbox = Sandbox::new();
    let port = free_base();
    let gateway = Gateway::launch(
        command(&sandbox, "rescue", &["--dev", "--port", &port.to_string()]),
        port,
    );
    assert_eq!(gateway.health().unwrap()["profile"], "rescue");
    let _ = gateway.stop().with(0);
    let written = sandbox.read(".openclaw-rescue/openclaw.json");
    let gateway = Gateway::launch(
        command(&sandbox, "rescue", &["--dev", "--port", &port.to_string()]),
        port,
    );
    let _ = gateway.stop().with(0);
    assert_eq!(sandbox.read(".openclaw-rescue/openclaw.json"), written);
    assert!(
        !sandbox.path(".openclaw-dev").exists(),
        "`--dev` does not mean another profile"
    );
}

#[test]
fn unusable_bind_mode_is_refused() {
    let sandbox = Sandbox::new();
    let base = free_base();
    let text = config(base).replace("\"loopback\"", "\"custom\", \"customBindHost\": \"192.0.2.7\"");
    sandbox.write(".openclaw-rescue/openclaw.json", text);
    let ran = sandbox.run(["--profile", "rescue", "gateway"]).exits(78);
    assert!(ran.stderr.contains("192.0.2.7"), "{}", ran.stderr);
    let open = sandbox
        .run([
            "--profile",
            "rescue",
            "gateway",
            "--bind",
            "lan",
            "--auth",
            "none",
        ])
        .exits(78);
    assert!(open.stderr.contains("lan"), "{}", open.stderr);
    let _ = sandbox
        .run(["--profile", "rescue", "gateway", "--bind", "somewhere"])
        .exits(2);
}

#[test]
fn systemd_is_notified_of_ready_alive_and_stopping() {
    let sandbox = Sandbox::new();
    let socket = sandbox.path("notify.sock");
    std::fs::create_dir_all(sandbox.home()).unwrap();
    let systemd = UnixDatagram::bind(&socket).expect("a socket in the temporary folder");
    systemd.set_read_timeout(Some(WAIT_TIMEOUT)).unwrap();
    let port = configure(&sandbox, "rescue");
    let mut run = command(&sandbox, "rescue", &[]);
    run.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "200000");
    let mut gateway = Gateway::launch(run, port);
    let wait_for_state = |wanted: &str| {
        let mut buffer = [0; 4096];
        loop {
            let read = systemd
                .recv(&mut buffer)
                .unwrap_or_else(|e| panic!("{wanted}: {e}"));
            let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
            if text.lines().any(|line| line == wanted) {
                return text;
            }
        }
    };
    assert!(wait_for_state("READY=1").contains("STATUS="));
    wait_for_state("WATCHDOG=1");
    wait_for_state("WATCHDOG=1");
    assert!(gateway.runs());
    gateway.signal(Signal::TERM);
    wait_for_state("STOPPING=1");
    let _ = gateway.exited().with(0);
}

#[test]
fn second_signal_ends_the_gateway_at_once() {
    use std::io::Write as _;
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    // A request that is never complete keeps the drain waiting.
    let mut slow = std::net::TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    slow.write_all(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        .unwrap();
    wait_for("the connection is accepted", || gateway.health());
    gateway.signal(Signal::TERM);
    let log = || crate::support::gateway::log(&sandbox, "rescue");
    wait_for("the gateway stops", || {
        log().contains("gateway.stopping").then_some(())
    });
    gateway.signal(Signal::TERM);
    let _ = gateway.exited().with(130);
}

#[test]
fn stopping_gateway_is_not_ready() {
    use std::io::{Read as _, Write as _};
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let mut asking = std::net::TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    asking
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        .unwrap();
    wait_for("the connection is accepted", || gateway.health());
    gateway.signal(Signal::TERM);
    let log = || crate::support::gateway::log(&sandbox, "rescue");
    wait_for("the gateway stops", || {
        log().contains("gateway.stopping").then_some(())
    });
    asking.write_all(b"\r\n").unwrap();
    let mut answer = String::new();
    asking.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let ready: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(ready["ready"], false);
    assert_eq!(ready["failing"], serde_json::json!(["stopping"]));
    let _ = gateway.exited().with(0);
}

#[test]
fn missing_ports_and_a_refused_config_are_reported_together() {
    let sandbox = Sandbox::new();
    let port = configure(&sandbox, "rescue");
    let held: Vec<_> = [port + 2, port + 4]
        .map(|port| std::net::TcpListener::bind(("127.0.0.1", port)).unwrap())
        .into();
    let gateway = Gateway::launch(command(&sandbox, "rescue", &[]), port);
    let ready = gateway.get("/readyz").unwrap();
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json()["warnings"], serde_json::json!(["ports"]));
    let health = |code| {
        let args = ["--profile", "rescue", "gateway", "call", "health", "--json"];
        sandbox.run(args).exits(code).json()
    };
    let names_both_ports = |health: serde_json::Value| {
        let text = health.to_string();
        held.iter()
            .all(|listener| text.contains(&listener.local_addr().unwrap().port().to_string()))
    };
    assert!(names_both_ports(health(0)), "{:#}", health(0));
    let last_good = sandbox.path(".openclaw-rescue/openclaw.json.last-good");
    wait_for("the good config is saved", || last_good.exists().then_some(()));
    // A refused config hides neither of them.
    sandbox.write(".openclaw-rescue/openclaw.json", "{ broken");
    wait_for("the config is refused", || {
        let ready = gateway.get("/readyz")?.json();
        (ready["warnings"] == serde_json::json!(["config", "ports"])).then_some(())
    });
    assert!(names_both_ports(health(0)));
}

#[test]
fn gateway_survives_running_out_of_file_descriptors() {
    let sandbox = Sandbox::new();
    let port = configure(&sandbox, "rescue");
    let program = command(&sandbox, "rescue", &["--lang", "en"]);
    let mut run = std::process::Command::new("sh");
    run.args(["-c", "ulimit -n 72 && exec \"$0\" \"$@\""]);
    run.arg(program.get_program()).args(program.get_args());
    run.env_clear().current_dir(sandbox.home());
    for (name, value) in program.get_envs() {
        run.env(name, value.unwrap_or_default());
    }
    let mut gateway = Gateway::launch(run, port);
    // More silent connections than the gateway has file descriptors for.
    let silent: Vec<_> = (0..80)
        .map(|_| std::net::TcpStream::connect(("127.0.0.1", port)).unwrap())
        .collect();
    let log = || crate::support::gateway::log(&sandbox, "rescue");
    wait_for("the failure is logged", || {
        log().contains("Can’t accept connections").then_some(())
    });
    assert_eq!(wait_for("room is made", || gateway.get("/health")).status, 200);
    drop(silent);
    assert!(gateway.runs());
    let _ = gateway.stop().with(0);
}
