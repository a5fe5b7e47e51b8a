//! What the history keeps of a repair: causes, steps and their results, each as a stable name and a sentence,
//! without the particulars (files, processes) that the history does not keep.

use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::i18n::Msg;

/// Declares an enum of the history: its stable names, as the history file and `--json` have them, and the keys of
/// its sentences.
macro_rules! recorded_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal, $key:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$variant_meta])* $variant,)* }

        impl $name {
            /// Returns the stable name of a step, cause or outcome in the history of gateway repairs.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Returns the sentence that describes a step, cause or outcome in the list of past gateway repairs.
            pub(crate) fn past_msg(self) -> Msg {
                match self { $(Self::$variant => Msg::new($key),)* }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match String::deserialize(deserializer)?.as_str() {
                    $($text => Ok(Self::$variant),)*
                    other => Err(serde::de::Error::custom(format!("unknown name {other:?}"))),
                }
            }
        }
    };
}

recorded_enum! {
    /// The kind of a [`super::diagnose::Cause`].
    CauseKind {
        /// The state folder is missing, or is no folder.
        StateGone = "state-gone", "rescue.past-state-gone";
        /// The state folder or the config can't be read.
        Unreadable = "unreadable", "rescue.past-unreadable";
        /// The files belong to another user.
        ForeignOwner = "foreign-owner", "rescue.past-foreign-owner";
        /// The disk of the state folder is full.
        DiskFull = "disk-full", "rescue.past-disk-full";
        /// The disk of the state folder has no inodes left.
        NoInodes = "no-inodes", "rescue.past-no-inodes";
        /// The file system of the state folder is read-only.
        ReadOnlyDisk = "disk-read-only", "rescue.past-disk-read-only";
        /// No gateway starts from the config.
        Config = "config", "rescue.past-config";
        /// Another program holds the port.
        PortTaken = "port-taken", "rescue.past-port-taken";
        /// The gateway of another profile holds the port.
        PortOfProfile = "port-of-profile", "rescue.past-port-of-profile";
        /// The process lives and does not answer.
        Hung = "hung", "rescue.past-hung";
        /// The gateway is starting.
        Starting = "starting", "rescue.past-starting";
        /// The gateway is ending.
        ShuttingDown = "shutting-down", "rescue.past-shutting-down";
        /// The gateway runs where its process can't be seen.
        OutOfReach = "out-of-reach", "rescue.past-out-of-reach";
        /// The program that the service starts is missing.
        ProgramGone = "program-gone", "rescue.past-program-gone";
        /// The service manager starts the service no more.
        GaveUp = "gave-up", "rescue.past-gave-up";
        /// The service is masked, so that nothing can start it.
        Masked = "masked", "rescue.past-masked";
        /// The service manager starts the service again and again, because it ends each time.
        CrashLoop = "crash-loop", "rescue.past-crash-loop";
        /// The gateway runs with another port or token than its files say.
        Outdated = "outdated", "rescue.past-outdated";
        /// The gateway runs and says that it is not well.
        Unwell = "unwell", "rescue.past-unwell";
        /// The gateway is healthy, and channels of it do not work.
        Deaf = "deaf", "rescue.past-deaf";
        /// The gateway has no service and does not run.
        NoService = "no-service", "rescue.past-no-service";
        /// The gateway was killed, or crashed.
        Killed = "killed", "rescue.past-killed";
        /// The gateway was stopped, or never started.
        Stopped = "stopped", "rescue.past-stopped";
    }
}

recorded_enum! {
    /// The kind of a [`super::steps::RepairStep`], or of another change that an owner asked for.
    StepKind {
        /// The gateway is started.
        Start = "start", "rescue.past-start";
        /// The gateway is restarted.
        Restart = "restart", "rescue.past-restart";
        /// A process that does not answer is ended, and the gateway is started.
        EndStale = "end-stale", "rescue.past-end-stale";
        /// An earlier config is put back.
        RestoreConfig = "restore-config", "rescue.past-restore-config";
        /// The service is installed anew.
        Reinstall = "reinstall", "rescue.past-reinstall";
        /// The last upgrade is rolled back, with config and state.
        RollBack = "roll-back", "rescue.past-roll-back";
        /// The gateway is stopped, because an owner asked for it.
        Stop = "stop", "rescue.past-stop";
        /// A value of the config is set, because an owner asked for it.
        SetConfig = "set-config", "rescue.past-set-config";
        /// A snapshot is taken, because an owner asked for it.
        Snapshot = "snapshot", "rescue.past-snapshot";
    }
}

recorded_enum! {
    /// The result of a step, as the history keeps it.
    StepResultKind {
        /// The step is planned; if the history still says so later, the repair was cut short.
        Planned = "planned", "rescue.past-planned";
        /// The gateway was well afterwards.
        Helped = "helped", "rescue.past-helped";
        /// The gateway was not well afterwards.
        InVain = "in-vain", "rescue.past-in-vain";
        /// The gateway was not well afterwards, and the step was undone.
        Undone = "undone", "rescue.past-undone";
        /// The step could not be done.
        Failed = "failed", "rescue.past-failed";
        /// The change was made.
        Done = "done", "rescue.past-done";
    }
}

/// A value in the history of gateway repairs that may have been written by a later release, whose names this one does
/// not know: it is kept as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Recorded<T> {
    /// A value of this release.
    Known(T),
    /// The name of a value of a later release.
    Later(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_text_and_unknown_ones_are_kept() {
        let text = r#"["hung","port-of-profile","of-a-later-release"]"#;
        let causes: Vec<Recorded<CauseKind>> = serde_json::from_str(text).unwrap();
        assert_eq!(
            causes,
            [
                Recorded::Known(CauseKind::Hung),
                Recorded::Known(CauseKind::PortOfProfile),
                Recorded::Later("of-a-later-release".to_owned()),
            ]
        );
        assert_eq!(serde_json::to_string(&causes).unwrap(), text);
    }
}
