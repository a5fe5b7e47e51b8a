//! A rescuer that is killed while its service manager works, inside a user manager of its own. Not beside the other
//! tests: whenever a manager reads its files anew, it forgets how often a service has failed.

use std::path::Path;

use super::inside::target::{Target, command, run, suspend};
use super::killed::{kill_before_call, trace_calls};
use crate::support::gateway::wait_for;
use crate::support::{Reason, installed, manager, skipped};

#[test]
#[ignore = "runs inside a user manager"]
fn rescuer_that_is_killed_before_any_call_of_its_manager_leaves_a_whole_service() {
    if !manager::is_inside() || !installed("strace") {
        return;
    }
    let target = Target::install("cut", 26000);
    let unit = std::fs::read(target.unit_file()).unwrap();
    let gone = || target.remove_service();
    let hung = || suspend(&target.pid());
    let repair = command(
        Path::new(env!("CARGO_BIN_EXE_openclaw")),
        &target.forced_repair_args(),
    );
    // Installing writes files, too.
    let broken: [(&dyn Fn(), bool); 2] = [(&gone, true), (&hung, false)];
    for (breaks, writes) in broken {
        breaks();
        let Some(calls) = trace_calls(
            &repair,
            "?clone,?clone3,?fork,?vfork,?rename,?renameat,?renameat2",
        ) else {
            return skipped(Reason::NoTracing, "the program under strace failed");
        };
        // From the first file that it writes, which begins the repair; threads are no programs.
        let steps = calls
            .into_iter()
            .skip_while(|((call, _), _)| !call.starts_with("rename"));
        let steps: Vec<_> = steps
            .filter(|((call, _), rest)| {
                if call.starts_with("rename") {
                    writes
                } else {
                    !rest.contains("CLONE_THREAD")
                }
            })
            .map(|(nth, _)| nth)
            .collect();
        assert!(steps.len() > 2, "{steps:?}");
        for nth in steps {
            breaks();
            kill_before_call(&repair, &nth);
            let left = std::fs::read(target.unit_file()).ok();
            assert!(left.is_none_or(|left| left == unit), "{nth:?}");
            // A start that was under way goes on without the rescuer; a repair leaves it its time.
            let _ = wait_for("a repair", || {
                let ran = run(&target.forced_repair_args());
                let is_starting = ran.json()["causes"][0]["id"] == "starting";
                (!is_starting).then(|| ran.exits(0))
            });
            assert_eq!(std::fs::read(target.unit_file()).unwrap(), unit, "{nth:?}");
        }
    }
}
