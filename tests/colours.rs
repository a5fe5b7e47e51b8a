//! The colours of what the commands print: few, and none where the person wants none.

use crate::support::Sandbox;
use crate::support::pty::{Size, Terminal};

#[test]
fn success_is_green_commands_are_bold_and_errors_are_red_where_there_is_colour() {
    let cases: [(&[&str], &[&str]); 2] = [
        (
            &["--lang", "en", "--profile", "rescue", "setup"],
            &[
                "\u{1b}[32mProfile rescue is set up",
                "Run the gateway: \u{1b}[1mopenclaw --profile rescue gateway\u{1b}[0m",
            ],
        ),
        (
            &["--lang", "en", "profiles", "remove", "nobody"],
            &["\u{1b}[31m[openclaw]\u{1b}[0m No such profile: nobody"],
        ),
    ];
    for (args, shown) in cases {
        for is_coloured in [true, false] {
            let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
            let sandbox = if is_coloured {
                sandbox
            } else {
                sandbox.var("NO_COLOR", "1")
            };
            let mut terminal = Terminal::start(&sandbox, args, Size::tall(100));
            let _ = terminal.exit_code();
            let raw = String::from_utf8_lossy(terminal.raw()).into_owned();
            for text in shown {
                assert_eq!(raw.contains(text), is_coloured, "{text}: {raw}");
            }
        }
    }
}
