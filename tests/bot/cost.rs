//! The cost of an answer: no survey of the host, which would take longer the more instances there are.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::home::BotHome;
use crate::support::child::ChildGuard;
use crate::support::gateway::{self, Gateway, wait_for};
use crate::support::messenger::OWNER;
use crate::support::skip::{Reason, skipped};

/// The profile of an instance that nobody asks about: whoever reads its config surveys the host.
const BYSTANDER: &str = "bystander";

#[test]
fn message_is_answered_without_a_survey_of_the_host() {
    let home = BotHome::telegram();
    // One round of the watcher, which surveys the host; the next one comes in an hour.
    let record = "version = 1\nprofile = 'rescue'\n[rescue]\nwatch = ['default']\ninterval = 3600\n";
    home.sandbox.write(".openclaw-rescue/instance.toml", record);
    let _main = Gateway::start(&home.sandbox, "default");
    gateway::configure(&home.sandbox, BYSTANDER);
    let rescue = home.start();
    wait_for("the watcher's round", || {
        home.log()
            .contains("Profile default: watching, healthy.")
            .then_some(())
    });
    home.ask("/whoami", &home.messenger.id(OWNER));
    let file = tempfile::NamedTempFile::new().expect("a file");
    let traced = Command::new("strace")
        .args(["-f", "-e", "trace=openat,open", "-o"])
        .arg(file.path())
        .args(["-p", &rescue.pid().to_string()])
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = traced else {
        return skipped(Reason::NoProgram("strace"), "system calls are counted with it");
    };
    let mut stderr = BufReader::new(child.stderr.take().expect("piped")).lines();
    let _tracer = ChildGuard(child);
    let first = stderr.next().and_then(Result::ok).unwrap_or_default();
    if !first.contains("attached") {
        return skipped(Reason::NoTracing, &first);
    }
    let surveys = || {
        let trace = std::fs::read_to_string(file.path()).expect("a trace");
        trace
            .matches(&format!(".openclaw-{BYSTANDER}/openclaw.json"))
            .count()
    };
    for (words, expected) in [
        ("/whoami", home.messenger.id(OWNER)),
        ("/config get gateway.port", "gateway.port (default)".to_owned()),
        ("/logs", "default gateway".to_owned()),
        ("/help", "/status".to_owned()),
    ] {
        home.ask(words, &expected);
        assert_eq!(surveys(), 0, "{words}");
    }
    // What is counted is there where a survey is made.
    home.ask("/status all", "Gateways on this host");
    wait_for("a survey", || (surveys() > 0).then_some(()));
}
