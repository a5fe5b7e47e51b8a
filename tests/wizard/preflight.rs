//! What the wizard says about the host before its first question.

use std::net::TcpListener;

use super::scenario::wait_for_text;
use crate::support::pty::{Size, Terminal};
use crate::support::{Sandbox, network};

/// Starts the wizard in a language and waits for its first question.
fn start(sandbox: &Sandbox, lang: &str, question: &str) -> Terminal {
    let mut terminal = Terminal::start(sandbox, ["--lang", lang, "onboard"], Size::tall(80));
    terminal.wait_for(question);
    terminal
}

#[test]
fn what_the_host_has_and_lacks_is_said_before_the_first_question() {
    network::own(|| {
        let sandbox = || Sandbox::new().var("LANG", "C.UTF-8").with_chrome_alone();
        let found = |sandbox: Sandbox, lang: &str, question: &str, lines: [&str; 2]| {
            let mut terminal = start(&sandbox, lang, question);
            for line in lines {
                wait_for_text(&mut terminal, line);
            }
        };
        found(
            sandbox(),
            "en",
            "What runs",
            [
                "Found: Chrome.",
                "Not found: OpenClaw from npm, a service manager (",
            ],
        );
        found(
            sandbox().with_node_package(),
            "tr",
            "Bu gateway’i ne",
            [
                "Bulundu: npm’den OpenClaw 2026.9.6, Chrome.",
                "Bulunamadı: servis yöneticisi (",
            ],
        );
    });
}

#[test]
fn stranger_on_the_usual_port_is_named_before_the_first_question() {
    network::own(|| {
        let sandbox = Sandbox::new().var("LANG", "C.UTF-8").with_chrome_alone();
        let _listener = TcpListener::bind("127.0.0.1:18789").expect("a free port");
        let mut terminal = start(&sandbox, "en", "What runs");
        let process = format!("(pid {})", std::process::id());
        wait_for_text(&mut terminal, "Port 18789 is in use by");
        wait_for_text(&mut terminal, &process);
    });
}
