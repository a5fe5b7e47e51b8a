//! Buttons about an instance with the longest name that a profile can have: Telegram allows 64 bytes for a button's command.

use super::home::BotHome;
use crate::support::gateway::{self, Gateway};

#[test]
fn buttons_of_a_gateway_with_the_longest_name_work_after_a_restart_of_the_bot_too() {
    let home = BotHome::telegram();
    let name = "n".repeat(64);
    gateway::configure(&home.sandbox, &name);
    let rescue = home.start();
    let state = home.ask(&format!("/status {name}"), "is not running");
    assert_eq!(state.buttons, ["What is wrong?", "Repair", "Log"], "{state:#?}");
    let _ = rescue.stop().with(0);
    let _rescue = Gateway::start(&home.sandbox, "rescue");
    home.messenger.wait_until_connected();
    home.press(&state, "Repair");
    let plan = home.next("Do it now?");
    assert!(plan.text.contains(&name), "{plan:#?}");
    home.press(&plan, "No");
    home.next("Nothing was done.");
}
