//! A bot that is killed: nothing is done twice, and no change is lost silently.

use rustix::process::Signal;

use super::home::BotHome;
use crate::support::gateway::{Gateway, wait_for};
use crate::support::messenger::{Failure, OWNER};

#[test]
fn change_that_a_kill_cut_short_is_told_and_not_made_again() {
    let home = BotHome::telegram();
    let main = Gateway::start(&home.sandbox, "default");
    let rescue = home.start();
    // A suspended gateway takes seconds to be restarted.
    main.signal(Signal::STOP);
    let plan = home.ask("/restart", "Do it now?");
    let _spawned = home.spawned();
    home.press(&plan, "Yes, do it");
    wait_for("the change begins", || (!home.history().is_empty()).then_some(()));
    rescue.signal(Signal::KILL);
    let _ = rescue.exited();
    main.signal(Signal::KILL);
    let _rescue = home.start();
    let told = home.next("I was stopped in the middle of this");
    assert!(told.text.contains("Restarting."), "{told:#?}");
    home.ask("/whoami", &home.messenger.id(OWNER));
    assert_eq!(home.history().len(), 1, "it is not made again");
}

#[test]
fn bot_killed_again_and_again_makes_each_change_at_most_once() {
    let home = BotHome::telegram();
    let _main = Gateway::start(&home.sandbox, "default");
    let snapshots = || {
        home.sandbox.run(["snapshot", "list", "--json"]).exits(0).json()["snapshots"]
            .as_array()
            .map_or(0, Vec::len)
    };
    let mut rescue = home.start();
    let mut agreed = 0;
    for round in 0..6 {
        let plan = home.ask("/snapshot", "Do it now?");
        home.messenger.fail_next(Failure::Held, 1);
        home.press(&plan, "Yes, do it");
        agreed += 1;
        if round % 2 == 0 {
            wait_for("the change begins", || {
                (home.history().len() >= agreed).then_some(())
            });
        }
        rescue.signal(Signal::KILL);
        let _ = rescue.exited();
        home.messenger.release();
        rescue = home.start();
        home.ask("/whoami", &home.messenger.id(OWNER));
        assert!(
            home.history().len() <= agreed && snapshots() <= agreed,
            "round {round}"
        );
        agreed = home.history().len();
    }
}
