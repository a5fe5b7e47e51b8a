//! Two hosts in network namespaces, each with an address and a home folder of its own, connected by a cable that can be cut.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::TwoHosts;
use super::moving::gateway_of;
use crate::rescue::without_manager::BROKEN_CONFIG;
use crate::support::child::ChildGuard;
use crate::support::gateway::{config, wait_for};
use crate::support::ssh::replace_program;
use crate::support::{Ran, Reason, Sandbox, skipped};

/// Base port of the gateway on each host: their networks are their own.
const BASE: u16 = 18_789;
const BOX_ADDRESS: &str = "10.197.0.2";

/// Number of cables that were laid.
static CABLES: AtomicU32 = AtomicU32::new(0);

/// Two network namespaces with a cable between them. They and all processes in them end with the value.
struct Cable {
    here: String,
    there: String,
}

impl Cable {
    /// Lays the cable; `None` where only root may, or the system has no namespaces.
    #[track_caller]
    fn lay() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            skipped(Reason::NeedsRoot, "two networks with a cable between them");
            return None;
        }
        // The tests of one process may run at the same time.
        let id = format!(
            "{}n{}",
            std::process::id(),
            CABLES.fetch_add(1, Ordering::Relaxed)
        );
        let cable = Self {
            here: format!("oc{id}h"),
            there: format!("oc{id}t"),
        };
        let (here, there) = (&cable.here, &cable.there);
        let lines = [
            format!("netns add {here}"),
            format!("netns add {there}"),
            format!("link add {here} netns {here} type veth peer name {there} netns {there}"),
            format!("-n {here} addr add 10.197.0.1/24 dev {here}"),
            format!("-n {there} addr add {BOX_ADDRESS}/24 dev {there}"),
            format!("-n {here} link set {here} up"),
            format!("-n {there} link set {there} up"),
            format!("-n {here} link set lo up"),
            format!("-n {there} link set lo up"),
        ];
        for line in lines {
            let output = ip(&line);
            if !output.status.success() {
                skipped(Reason::NoNamespaces, &String::from_utf8_lossy(&output.stderr));
                return None;
            }
        }
        Some(cable)
    }

    /// Kills the gateway on the other host: its starter is not its own process.
    fn kill_gateway_there(&self) {
        let pids = String::from_utf8(ip(&format!("netns pids {}", self.there)).stdout).expect("UTF-8");
        for pid in pids.split_whitespace() {
            let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            if arguments.contains("gateway") {
                let _ = Command::new("kill").args(["-KILL", pid]).status();
            }
        }
    }

    /// Cuts the cable, or joins it again.
    fn set(&self, state: &str) {
        let output = ip(&format!("-n {0} link set {0} {state}", self.there));
        assert!(output.status.success(), "{output:?}");
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for name in [&self.here, &self.there] {
            let pids = String::from_utf8(ip(&format!("netns pids {name}")).stdout).unwrap_or_default();
            let _ = Command::new("kill")
                .arg("-KILL")
                .args(pids.split_whitespace())
                .output();
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

/// Runs `ip` with the words of a line.
fn ip(line: &str) -> std::process::Output {
    let mut command = Command::new("ip");
    command
        .args(line.split(' '))
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.output().expect("ip starts")
}

/// Returns the command that runs another one in a network.
fn in_network(name: &str, command: &Command) -> Command {
    let mut inside = Command::new("/usr/bin/env");
    inside.args([
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "ip",
        "netns",
        "exec",
        name,
        "env",
        "-i",
    ]);
    for (variable, value) in command.get_envs() {
        let value = value.unwrap_or_default().to_string_lossy();
        inside.arg(format!("{}={value}", variable.to_string_lossy()));
    }
    inside
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null());
    inside
}

/// Runs the program in a network to its end.
fn run(network: &str, sandbox: &Sandbox, words: &[&str]) -> Ran {
    let output = in_network(network, &sandbox.command(words))
        .output()
        .expect("ip starts");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Starts a command in a network, which ends with the value.
fn start(network: &str, command: &Command) -> ChildGuard {
    let mut inside = in_network(network, command);
    inside.stdout(Stdio::null()).stderr(Stdio::null());
    ChildGuard(inside.spawn().expect("ip starts"))
}

/// Asserts that the status table shows a host in this state.
#[track_caller]
fn has_row(table: &str, host: &str, state: &str) {
    let mut rows = table.lines().filter(|line| line.starts_with(host));
    assert!(rows.any(|row| row.contains(state)), "{host}, {state}:\n{table}");
}

/// Two hosts with a cable between them, and a healthy gateway on each.
struct ConnectedHosts {
    here: Sandbox,
    there: Sandbox,
    /// The server of the other host, the gateway here and the one there, which end with the value.
    processes: [ChildGuard; 3],
    cable: Cable,
}

impl ConnectedHosts {
    #[track_caller]
    fn start() -> Option<Self> {
        let TwoHosts { here, there, ssh } = TwoHosts::new()?;
        let cable = Cable::lay()?;
        ssh.connect_to("box", BOX_ADDRESS);
        for sandbox in [&here, &there] {
            sandbox.write(".openclaw/openclaw.json", config(BASE));
        }
        let processes = [
            start(&cable.there, &ssh.server("box", BOX_ADDRESS)),
            start(&cable.here, &here.command(["gateway"])),
            start(&cable.there, &there.command(["gateway"])),
        ];
        Some(Self {
            here,
            there,
            processes,
            cable,
        })
    }
}

#[test]
fn main_that_is_broken_on_one_host_is_repaired_from_the_other_and_a_cut_cable_costs_one_row() {
    let Some(ConnectedHosts {
        here,
        there,
        processes,
        cable,
    }) = ConnectedHosts::start()
    else {
        return;
    };
    let status = || {
        run(
            &cable.here,
            &here,
            &["status", "--all", "--hosts", "--timeout", "1000"],
        )
    };
    let table = wait_for("two healthy gateways", || {
        let ran = status();
        (ran.code == 0).then_some(ran.stdout)
    });
    let rows: Vec<_> = table.lines().filter(|line| line.contains("healthy")).collect();
    assert!(
        rows[0].starts_with("this host") && rows[1].starts_with("box"),
        "{table}"
    );

    there.write(".openclaw/openclaw.json.last-good", config(BASE));
    cable.kill_gateway_there();
    there.write(".openclaw/openclaw.json", BROKEN_CONFIG);
    wait_for("a broken main", || (status().code != 0).then_some(()));
    let repaired = run(
        &cable.here,
        &here,
        &["--host", "box", "rescue", "--yes", "--json"],
    );
    assert_eq!(repaired.exits(0).json()["healthy"], true);
    assert_eq!(status().code, 0);

    cable.set("down");
    let cut = status().exits(1).stdout;
    has_row(&cut, "this host", "healthy");
    has_row(&cut, "box", "unreachable");
    cable.set("up");
    wait_for("the host is back", || (status().code == 0).then_some(()));

    // A host that is cut off while it answers.
    replace_program(&there, "#!/bin/sh\ntouch \"$HOME/asked\"; exec sleep 600\n");
    let cut = std::thread::scope(|scope| {
        let asked = scope.spawn(status);
        wait_for("a question", || there.path("asked").exists().then_some(()));
        cable.set("down");
        asked.join().expect("an answer").exits(1).stdout
    });
    has_row(&cut, "this host", "healthy");
    has_row(&cut, "box", "no answer");
    drop(processes);
}

/// State folder of the instance that moves over the cable.
const STATE: &str = ".openclaw-work";

#[test]
fn instance_moves_over_a_cable_with_its_port_and_a_cut_one_leaves_it_here() {
    let Some(TwoHosts { here, there, ssh }) = TwoHosts::new() else {
        return;
    };
    let Some(cable) = Cable::lay() else { return };
    ssh.connect_to("box", BOX_ADDRESS);
    let _server = start(&cable.there, &ssh.server("box", BOX_ADDRESS));
    here.write(format!("{STATE}/openclaw.json"), config(BASE));
    here.write(format!("{STATE}/agents/main/sessions/s.jsonl"), "{}\n");
    let background = ["--profile", "work", "gateway", "start", "--background"];
    let _ = run(&cable.here, &here, &background).exits(0);
    let words = ["profiles", "move", "work", "--to", "box", "--yes", "--json"];
    wait_for("a server", || {
        (run(&cable.here, &here, &["hosts", "check"]).code == 0).then_some(())
    });

    taken_port_is_refused(&cable, &here, &there, &words);

    // The cable is cut while the gateway runs there provisionally.
    let failed = std::thread::scope(|scope| {
        let moved = scope.spawn(|| run(&cable.here, &here, &words));
        wait_for("a provisional gateway", || gateway_of(&there).map(drop));
        cable.set("down");
        moved.join().expect("an answer")
    });
    assert_ne!(failed.code, 0, "{failed:?}");
    assert!(
        gateway_of(&here).is_some() && gateway_of(&there).is_none(),
        "{failed:?}"
    );
    cable.set("up");

    let moved = run(&cable.here, &here, &words).exits(0).json();
    assert_eq!(
        (moved["outcome"].as_str(), moved["basePort"].as_u64()),
        (Some("moved"), Some(BASE.into()))
    );
    assert!(gateway_of(&there).is_some() && !here.path(STATE).exists());
    assert_eq!(
        there.read(format!("{STATE}/agents/main/sessions/s.jsonl")),
        "{}\n"
    );
}

/// Asserts that nothing is moved while another gateway has the port there.
#[track_caller]
fn taken_port_is_refused(cable: &Cable, here: &Sandbox, there: &Sandbox, words: &[&str]) {
    there.write(".openclaw/openclaw.json", config(BASE));
    let other = start(&cable.there, &there.command(["gateway"]));
    wait_for("a gateway there", || {
        let status = run(&cable.there, there, &["status", "--json"]);
        (status.code == 0).then_some(())
    });
    let old = gateway_of(here);
    let taken = run(&cable.here, here, words).exits(78).json();
    assert!(
        taken["message"].as_str().expect("a message").contains("18789"),
        "{taken:#}"
    );
    assert_eq!(
        (gateway_of(here), there.path(STATE).exists()),
        (old, false),
        "nothing was done"
    );
    let _ = run(&cable.there, there, &["gateway", "stop"]).exits(0);
    drop(other);
    std::fs::remove_dir_all(there.path(".openclaw")).expect("the other instance");
}
