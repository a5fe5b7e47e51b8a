//! Inside a user manager of its own: a rescuer that is killed while its manager works. Not beside the others:
//! with each file that a manager reads anew it forgets how often a service has failed.

use std::path::Path;

use super::inside::target::{Target, command, freeze, run};
use super::killed::{calls, killed_before};
use crate::support::{Reason, installed, manager, skipped};

#[test]
#[ignore = "runs inside a user manager"]
fn a_rescuer_that_is_killed_before_any_word_to_its_manager_leaves_a_whole_service() {
    if !manager::is_inside() || !installed("strace") {
        return;
    }
    let target = Target::installed("cut", 26000);
    let unit = std::fs::read(target.file()).unwrap();
    let gone = || target.forgotten();
    let hung = || freeze(&target.pid());
    let repair = command(Path::new(env!("CARGO_BIN_EXE_openclaw")), &target.forced());
    // Installing writes files, too.
    let broken: [(&dyn Fn(), bool); 2] = [(&gone, true), (&hung, false)];
    for (breaks, writes) in broken {
        breaks();
        let Some(calls) = calls(
            &repair,
            "?clone,?clone3,?fork,?vfork,?rename,?renameat,?renameat2",
        ) else {
            return skipped(Reason::NoTracing, "the program under strace failed");
        };
        // From the first file on that it writes, which says that a repair begins; threads are no programs.
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
            killed_before(&repair, &nth);
            let left = std::fs::read(target.file()).ok();
            assert!(left.is_none_or(|left| left == unit), "{nth:?}");
            let _ = run(&target.forced()).exits(0);
            assert_eq!(std::fs::read(target.file()).unwrap(), unit, "{nth:?}");
        }
    }
}
