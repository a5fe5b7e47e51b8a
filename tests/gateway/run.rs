//! From a command line to a gateway that answers, and its end.

use crate::support::Sandbox;
use crate::support::gateway::Gateway;

#[test]
fn it_answers_as_itself_and_ends_when_asked() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let live = gateway.health().unwrap();
    assert_eq!(live["profile"], "rescue");
    assert_eq!(live["engine"], "native");
    gateway.signal(rustix::process::Signal::INT);
    let _ = gateway.exited().with(0);
}
