//! What the ids of the history stand for, in words. An id of a later release has none.

use crate::i18n::{Msg, msg};

/// A cause, without the particulars that the history does not keep.
pub fn cause(id: &str) -> Option<Msg> {
    Some(match id {
        "state-gone" => msg!("rescue.past-state-gone"),
        "unreadable" => msg!("rescue.past-unreadable"),
        "foreign-owner" => msg!("rescue.past-foreign-owner"),
        "disk-full" => msg!("rescue.past-disk-full"),
        "config" => msg!("rescue.past-config"),
        "port-taken" => msg!("rescue.past-port-taken"),
        "port-of-profile" => msg!("rescue.past-port-of-profile"),
        "hung" => msg!("rescue.past-hung"),
        "program-gone" => msg!("rescue.past-program-gone"),
        "gave-up" => msg!("rescue.past-gave-up"),
        "outdated" => msg!("rescue.past-outdated"),
        "unwell" => msg!("rescue.past-unwell"),
        "no-service" => msg!("rescue.past-no-service"),
        "killed" => msg!("rescue.past-killed"),
        "stopped" => msg!("rescue.past-stopped"),
        _ => return None,
    })
}

/// A step, without its file or process.
pub fn step(id: &str) -> Option<Msg> {
    Some(match id {
        "start" => msg!("rescue.past-start"),
        "restart" => msg!("rescue.past-restart"),
        "end-stale" => msg!("rescue.past-end-stale"),
        "restore-config" => msg!("rescue.past-restore-config"),
        "reinstall" => msg!("rescue.past-reinstall"),
        _ => return None,
    })
}

/// What came of a step.
pub fn came(id: &str) -> Option<Msg> {
    Some(match id {
        "helped" => msg!("rescue.past-helped"),
        "in-vain" => msg!("rescue.past-in-vain"),
        "undone" => msg!("rescue.past-undone"),
        "failed" => msg!("rescue.past-failed"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rescue::diagnose::Cause;
    use crate::rescue::ladder::Step;
    use crate::rescue::repair::Came;

    #[test]
    fn what_is_written_down_has_words() {
        let path = std::path::PathBuf::new;
        for known in [
            Cause::StateGone(path()),
            Cause::Unreadable(path()),
            Cause::ForeignOwner(path()),
            Cause::DiskFull(0),
            Cause::Config(Msg::new("rescue.cause-stopped")),
            Cause::PortTaken(None),
            Cause::PortOf(String::new()),
            Cause::Hung(1),
            Cause::ProgramGone(path()),
            Cause::GaveUp(None),
            Cause::Outdated,
            Cause::Unwell(String::new()),
            Cause::NoService,
            Cause::Killed,
            Cause::Stopped,
        ] {
            assert!(cause(known.id()).is_some(), "{}", known.id());
        }
        for known in [
            Step::Start,
            Step::Restart,
            Step::EndStale(1),
            Step::RestoreConfig {
                from: path(),
                installs: false,
            },
            Step::Reinstall,
        ] {
            assert!(step(known.id()).is_some(), "{}", known.id());
        }
        let failed = Came::Failed(Msg::new("rescue.cause-stopped"));
        for known in [Came::Helped, Came::InVain, Came::Undone, failed] {
            assert!(came(known.id()).is_some(), "{}", known.id());
        }
        assert_eq!(cause("of a later release"), None);
    }
}
