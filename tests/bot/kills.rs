//! A bot that is killed: nothing is done twice, and no change is lost silently.

use std::io::Write as _;
use std::time::Duration;

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

/// The environment variable with the number of kills at random moments on each channel, for a long run by hand.
const KILLS: &str = "OPENCLAW_TEST_KILLS";
/// Number of kills at random moments where nobody asks for more.
const USUAL_KILLS: usize = 2;
/// Longest time from the yes to the kill, in milliseconds: longer than the change and the message about it take.
const LONGEST_WAIT: u64 = 900;

#[test]
fn bot_killed_at_random_moments_makes_each_change_at_most_once_and_tells_what_became_of_it() {
    let Ok(kills) = std::env::var(KILLS) else {
        kill_at_random_moments(&BotHome::telegram(), USUAL_KILLS);
        return;
    };
    let kills = kills.parse().expect("a number");
    BotHome::each(|home| {
        let counts = kill_at_random_moments(home, kills);
        let report = format!(
            "{}: done, cut short, to be asked again: {counts:?}\n",
            home.channel
        );
        std::io::stderr().write_all(report.as_bytes()).expect("a report");
    });
}

/// Kills the bot this many times while it makes a change, and returns how often the change was done, was told as cut short,
/// and has to be asked for again.
fn kill_at_random_moments(home: &BotHome, kills: usize) -> [usize; 3] {
    let _main = Gateway::start(&home.sandbox, "default");
    let snapshots = || {
        home.sandbox.run(["snapshot", "list", "--json"]).exits(0).json()["snapshots"]
            .as_array()
            .map_or(0, Vec::len)
    };
    let outcomes = [
        "A snapshot was taken.",
        "I was stopped in the middle of this",
        "This plan is out of date.",
    ];
    let mut counts = [0; 3];
    let mut rescue = home.start();
    for kill in 0..kills {
        let before = (home.history().len(), snapshots());
        let plan = home.ask("/snapshot", "Do it now?");
        home.press(&plan, "Yes, do it");
        // The moment is random by intent: each outcome is right, and none is expected.
        let wait = u64::from(std::process::id()).wrapping_add(kill as u64 * 7_919) % LONGEST_WAIT;
        std::thread::sleep(Duration::from_millis(wait));
        rescue.signal(Signal::KILL);
        let _ = rescue.exited();
        home.messenger.drop_connections();
        rescue = home.start();
        let told = home.messenger.next_message("what became of it", &|seen| {
            outcomes.iter().any(|words| seen.text.contains(words))
        });
        let at = outcomes.iter().position(|words| told.text.contains(words));
        counts[at.expect("one of them")] += 1;
        home.ask("/whoami", &home.messenger.id(OWNER));
        let after = (home.history().len(), snapshots());
        let made = (after.0 - before.0, after.1 - before.1);
        assert!(
            made.0 <= 1 && made.1 <= made.0,
            "kill {kill} after {wait} ms: {made:?}"
        );
        assert!(at != Some(0) || made == (1, 1), "kill {kill}: told and not made");
        assert!(at != Some(2) || made == (0, 0), "kill {kill}: made and not told");
    }
    counts
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
