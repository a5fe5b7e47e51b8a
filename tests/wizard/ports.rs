//! The question for the base port while other programs listen: true reasons, and a port that can be used.

use std::net::TcpListener;

use crate::support::pty::{Key, Size, Terminal};
use crate::support::{Sandbox, network};

/// Starts the wizard for the profile `rescue` with every question before the base port answered.
fn start_at_port_question(sandbox: &Sandbox) -> Terminal {
    let args = [
        "--lang",
        "en",
        "--profile",
        "rescue",
        "onboard",
        "--accept-risk",
        "--flow",
        "advanced",
        "--engine",
        "native",
        "--workspace",
        "~/ws",
    ];
    let mut terminal = Terminal::start(sandbox, args, Size::tall(100));
    terminal.wait_for("Base port");
    terminal
}

/// Returns the id of this process, before which a line may be broken.
fn this_process() -> String {
    std::process::id().to_string()
}

#[test]
fn port_that_is_taken_while_the_wizard_asks_is_named_with_its_process() {
    network::own(|| {
        let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
        let mut terminal = start_at_port_question(&sandbox);
        terminal.wait_for("19789 – recommended");
        let _listener = TcpListener::bind("127.0.0.1:19789").expect("a free port");
        terminal
            .press(Key::End)
            .press(Key::Enter)
            .wait_for("from 1024 to 65425");
        terminal
            .type_in("19789")
            .press(Key::Enter)
            .wait_for("Use 20789 instead.");
        let text = terminal.screen().text();
        assert!(text.contains(&this_process()), "{text}");
        assert!(!text.contains("reserved by the system"), "{text}");
        terminal.type_in("20789").press(Key::Enter).wait_for("20789");
    });
}

#[test]
fn usual_port_that_is_not_offered_is_named_with_its_holder() {
    network::own(|| {
        let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
        let _listener = TcpListener::bind("127.0.0.1:19789").expect("a free port");
        let mut terminal = start_at_port_question(&sandbox);
        terminal.wait_for("20789 – recommended");
        let text = terminal.screen().text();
        assert!(text.contains("19789") && text.contains(&this_process()), "{text}");
    });
}

#[test]
fn range_is_called_apart_only_where_another_gateway_is() {
    network::own(|| {
        let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
        let terminal = start_at_port_question(&sandbox);
        assert!(
            !terminal.screen().contains("shares no ports"),
            "{}",
            terminal.screen().text()
        );
        drop(terminal);
        sandbox.write(".openclaw/openclaw.json", "{gateway: {port: 18789}}");
        let mut terminal = start_at_port_question(&sandbox);
        terminal.wait_for("19789 – recommended, shares no ports");
    });
}
