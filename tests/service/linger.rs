//! Tests of lingering with a real logind: it is read and enabled, and after a boot the gateways run without a login.

/// The profiles that are onboarded before the boot, with their ports.
const ONBOARDED: [(&str, &str); 2] = [("default", "18789"), ("rescue", "19789")];

mod before_reboot {
    use crate::service::inside::{UserHome, health};
    use crate::support::manager;
    use crate::support::pty::{Key, Size, Terminal};

    /// Installs the service in a terminal, answers the question about lingering, and returns the text of the screen.
    fn install_in_terminal(home: &UserHome, answer: impl FnOnce(&mut Terminal)) -> String {
        let command = home.command("lasting", &["gateway", "install"]);
        let mut terminal = Terminal::run(command, Size::USUAL);
        terminal.wait_for("stop after the last logout");
        answer(&mut terminal);
        assert_eq!(terminal.exit_code(), 0);
        // A sentence may be on two rows.
        terminal.screen().lines().join(" ")
    }

    #[test]
    #[ignore = "runs inside a user manager"]
    fn lingering_is_switched_on_by_answer_or_flag_and_reported_as_read() {
        if !manager::is_inside() {
            return;
        }
        let home = UserHome::with_config("lasting", 29000);
        let ran = home
            .run("lasting", &["gateway", "install", "--json"])
            .exits(0)
            .json();
        assert_eq!(ran["linger"], false, "{ran}");
        assert_eq!(ran["warnings"].as_array().unwrap().len(), 1);
        let answer = install_in_terminal(&home, |terminal| {
            terminal.type_in("n").press(Key::Enter);
        });
        assert!(answer.contains("Lingering is off"), "{answer}");
        let answer = install_in_terminal(&home, |terminal| {
            terminal.press(Key::Enter);
        });
        assert!(answer.contains("Lingering is on"), "{answer}");
        let mut off = std::process::Command::new("loginctl");
        off.args(["--no-ask-password", "disable-linger"]);
        assert!(off.status().unwrap().success());
        let ran = home.run("lasting", &["gateway", "install", "--linger", "--json"]);
        assert_eq!(ran.exits(0).json()["linger"], true);
        assert_eq!(health(29000)["profile"], "lasting");
        for (profile, port) in super::ONBOARDED {
            let words = "onboard --non-interactive --accept-risk --install-daemon --json --gateway-port";
            let words: Vec<_> = words.split(' ').chain([port]).collect();
            let ran = home.run(profile, &words).exits(0).json();
            assert_eq!(ran["service"]["healthy"], true, "{ran}");
            assert_eq!(ran["service"]["linger"], true, "{ran}");
        }
    }
}

mod after_reboot {
    use crate::service::inside::{UserHome, health, wait_until};
    use crate::support::manager;

    #[test]
    #[ignore = "runs inside a user manager"]
    fn gateways_are_healthy_after_a_boot_without_a_login() {
        if !manager::is_inside() {
            return;
        }
        wait_until("it is up", || health(29000)["profile"] == "lasting");
        let home = UserHome::current();
        let all = || home.run("default", &["status", "--all", "--json"]);
        wait_until("all are healthy", || all().code == 0);
        let all = all().exits(0).json();
        for profile in ["default", "rescue", "lasting"] {
            let found = all["instances"].as_array().unwrap().iter();
            let found: Vec<_> = found.filter(|found| found["profile"] == profile).collect();
            let [found] = found[..] else {
                panic!("{profile}: {all}");
            };
            assert_eq!(found["verdict"], "healthy", "{found}");
            assert_eq!(found["service"]["runtime"]["status"], "running", "{found}");
            let one = home
                .run(profile, &["gateway", "status", "--json"])
                .exits(0)
                .json();
            assert_eq!(one["service"]["linger"], true, "{one}");
            assert_eq!(one["service"]["warnings"].as_array().unwrap().len(), 0, "{one}");
        }
    }
}
