//! Twenty hosts at once.

use super::TwoHosts;
use crate::support::Sandbox;
use crate::support::ssh::replace_program;

const COUNT: usize = 20;

#[test]
fn twenty_hosts_are_asked_at_the_same_time() {
    let Some(TwoHosts { here, ssh, .. }) = TwoHosts::new() else {
        return;
    };
    let _ = here.run(["hosts", "remove", "box"]).exits(0);
    let waiting = here.path("waiting");
    std::fs::create_dir_all(&waiting).expect("a folder");
    // None answers before all of them were asked.
    let script = format!(
        "#!/bin/sh\ntouch {waiting}/$$\nwhile [ $(ls {waiting} | wc -l) -lt {COUNT} ]; do sleep 0.05; done\nexec {program} \"$@\"\n",
        waiting = waiting.display(),
        program = env!("CARGO_BIN_EXE_openclaw"),
    );
    let remotes: Vec<_> = std::iter::repeat_with(Sandbox::new).take(COUNT).collect();
    for (at, remote) in remotes.iter().enumerate() {
        let name = format!("box-{at}");
        ssh.add(&name, &remote.home());
        replace_program(remote, &script);
        let _ = here.run(["hosts", "add", &name, &name, "--no-check"]).exits(0);
        remote.write(".openclaw/openclaw.json", "{}");
    }
    let status = here
        .run(["status", "--all", "--hosts", "--timeout", "20000"])
        .exits(1)
        .stdout;
    let rows = status
        .lines()
        .filter(|line| line.starts_with("box-") && line.contains("18789"));
    assert_eq!(rows.count(), COUNT, "{status}");
}
