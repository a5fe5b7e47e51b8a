//! Lingering, with a real logind: read, switched on, and seen again after a boot, when all that was set up
//! is well without anybody's login.

/// What is set up before that boot.
const ONBOARDED: [(&str, &str); 2] = [("default", "18789"), ("rescue", "19789")];

mod first {
    use crate::service::inside::{World, health};
    use crate::support::manager;
    use crate::support::pty::{Key, Size, Terminal};

    /// Installs it once more in a terminal, where it asks, and answers.
    fn asked(world: &World, answer: impl FnOnce(&mut Terminal)) -> String {
        let command = world.command("lasting", &["gateway", "install"]);
        let mut terminal = Terminal::run(command, Size::USUAL);
        terminal.wait_for("stop after the last logout");
        answer(&mut terminal);
        assert_eq!(terminal.exit_code(), 0);
        // Words may stand on two rows.
        terminal.screen().lines().join(" ")
    }

    #[test]
    #[ignore = "runs inside a user manager"]
    fn it_is_off_is_switched_on_and_reported_as_seen() {
        if !manager::is_inside() {
            return;
        }
        let world = World::with("lasting", 29000);
        let ran = world
            .run("lasting", &["gateway", "install", "--json"])
            .exits(0)
            .json();
        assert_eq!(ran["linger"], false, "{ran}");
        assert_eq!(ran["warnings"].as_array().unwrap().len(), 1);
        let said = asked(&world, |terminal| {
            terminal.type_in("n").press(Key::Enter);
        });
        assert!(said.contains("Lingering is off"), "{said}");
        let said = asked(&world, |terminal| {
            terminal.press(Key::Enter);
        });
        assert!(said.contains("Lingering is on"), "{said}");
        let mut off = std::process::Command::new("loginctl");
        off.args(["--no-ask-password", "disable-linger"]);
        assert!(off.status().unwrap().success());
        let ran = world.run("lasting", &["gateway", "install", "--linger", "--json"]);
        assert_eq!(ran.exits(0).json()["linger"], true);
        assert_eq!(health(29000)["profile"], "lasting");
        for (profile, port) in super::ONBOARDED {
            let words = "onboard --non-interactive --accept-risk --install-daemon --json --gateway-port";
            let words: Vec<_> = words.split(' ').chain([port]).collect();
            let ran = world.run(profile, &words).exits(0).json();
            assert_eq!(ran["service"]["healthy"], true, "{ran}");
            assert_eq!(ran["service"]["linger"], true, "{ran}");
        }
    }
}

mod second {
    use crate::service::inside::{World, health};
    use crate::support::manager;

    #[test]
    #[ignore = "runs inside a user manager"]
    fn the_gateway_came_up_with_the_boot() {
        if !manager::is_inside() {
            return;
        }
        World::until("it is up", || health(29000)["profile"] == "lasting");
        let world = World::here();
        let all = || world.run("default", &["status", "--all", "--json"]);
        World::until("all are healthy", || all().code == 0);
        let all = all().exits(0).json();
        for profile in ["default", "rescue", "lasting"] {
            let found = all["instances"].as_array().unwrap().iter();
            let found: Vec<_> = found.filter(|found| found["profile"] == profile).collect();
            let [found] = found[..] else {
                panic!("{profile}: {all}");
            };
            assert_eq!(found["verdict"], "healthy", "{found}");
            assert_eq!(found["service"]["runtime"]["status"], "running", "{found}");
            let one = world
                .run(profile, &["gateway", "status", "--json"])
                .exits(0)
                .json();
            assert_eq!(one["service"]["linger"], true, "{one}");
            assert_eq!(one["service"]["warnings"].as_array().unwrap().len(), 0, "{one}");
        }
    }
}
