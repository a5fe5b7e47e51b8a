//! Every file that the program reads, with bad input of every kind in its place, and every command that reads it: the
//! command ends in time with a right answer or an error in both languages, and no byte of the user is lost.
//!
//! The table is generated: the files (`files`) times the kinds of bad input (`damage`) times the commands (`commands`).

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::support::{Sandbox, installed, network};

mod commands;
mod damage;
mod files;
mod hosts;

use commands::{COMMANDS, Command, Effect, Outcome};
use damage::Damage;
use files::{File, Host};

/// Regular files below HOME with their bytes, by path.
type Contents = BTreeMap<PathBuf, Vec<u8>>;

/// Reads every regular file below HOME.
fn contents(sandbox: &Sandbox) -> Contents {
    let files = sandbox.tree().into_iter();
    files
        .filter(|(path, mode, _)| mode & 0o170_000 == 0o100_000 && !is_lock(path))
        .map(|(path, _, bytes)| (path, bytes))
        .collect()
}

/// Returns whether a file is a lock, which commands make and which holds nothing.
fn is_lock(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "lock")
}

/// Returns what a command did to the files that it must not do; `None` where it did nothing wrong.
fn loss(command: &Command, file: &File, before: &Contents, after: &Contents) -> Option<String> {
    let kept: BTreeSet<&[u8]> = after.values().map(Vec::as_slice).collect();
    for (path, bytes) in before {
        if after.get(path) == Some(bytes) {
            continue;
        }
        let shown = path.display();
        if path.starts_with(files::DEFAULT_STATE) {
            return Some(format!("{shown} of another instance was changed"));
        }
        if command.effect == Effect::Reads {
            return Some(format!("{shown} was changed by a command that only reads"));
        }
        // A backup or a copy that was moved aside keeps the bytes.
        let is_kept = kept.contains(bytes.as_slice())
            || file.may_be_edited(bytes)
            || has_every_line(after.get(path), bytes);
        if path == Path::new(file.path) && !is_kept && !command.removes(path) {
            return Some(format!("the bytes of {shown} are gone"));
        }
    }
    None
}

/// Returns whether a file has every line of an earlier state of it.
fn has_every_line(now: Option<&Vec<u8>>, earlier: &[u8]) -> bool {
    let lines = |bytes: &'_ [u8]| -> Vec<Vec<u8>> {
        bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    };
    let now = lines(now.map_or(&[], Vec::as_slice));
    lines(earlier)
        .iter()
        .all(|line| line.is_empty() || now.contains(line))
}

/// A host, with the outcomes of commands where nothing is damaged, as far as they were needed.
struct Trial {
    host: Host,
    undamaged: [OnceCell<Outcome>; COMMANDS.len()],
}

impl Trial {
    fn on(host: Host) -> Self {
        Self {
            host,
            undamaged: [const { OnceCell::new() }; COMMANDS.len()],
        }
    }

    /// Returns the outcome of a command where nothing is damaged. Where it is not known yet, the command runs, and the
    /// damage is done again.
    fn undamaged(&self, file: &File, damage: &Damage, at: usize) -> &Outcome {
        self.undamaged[at].get_or_init(|| {
            self.host.reset();
            let outcome = COMMANDS[at].run(&self.host, "en");
            self.host.damage(file, damage);
            outcome
        })
    }

    /// Runs a command on the damaged file and returns what is wrong with what it does.
    fn complaint(&self, file: &File, damage: &Damage, at: usize) -> Option<String> {
        let command = &COMMANDS[at];
        let before = contents(&self.host.sandbox);
        let english = command.run(&self.host, "en");
        let after = contents(&self.host.sandbox);
        if before != after {
            self.host.damage(file, damage);
        }
        let name = Path::new(file.path)
            .file_name()
            .expect("a name")
            .to_str()
            .expect("text");
        let is_silent =
            damage.is_unreadable(file) && file.is_named_by_doctor && !english.text().contains(name);
        let fault = loss(command, file, &before, &after)
            .or_else(|| english.fault())
            .or_else(|| {
                (command.words.ends_with(&["doctor"]) && is_silent)
                    .then(|| format!("{name} is not named: {english:?}"))
            });
        fault.or_else(|| self.complaint_about_language(file, damage, at, &english))
    }

    /// Runs a command that failed once more, in Turkish, and returns what is wrong with the sentences. Failures that
    /// the damage does not cause are left out.
    fn complaint_about_language(
        &self,
        file: &File,
        damage: &Damage,
        at: usize,
        english: &Outcome,
    ) -> Option<String> {
        let command = &COMMANDS[at];
        if english.is_success() || english == self.undamaged(file, damage, at) {
            return None;
        }
        let turkish = command.run(&self.host, "tr");
        if command.effect == Effect::Writes {
            self.host.damage(file, damage);
        }
        let is_same = english.text() == turkish.text() && !command.words.contains(&"--json");
        (is_same || turkish.is_success()).then(|| format!("English: {english:?}, Turkish: {turkish:?}"))
    }

    /// Tries all commands, or those that read the file, with one kind of bad input.
    fn complaints(&self, file: &File, damage: &Damage) -> Vec<String> {
        self.host.damage(file, damage);
        let is_tried = |command: &Command| {
            self.host.can_run(command) && (!damage.is_one_of_many() || file.is_read_by(command))
        };
        let tried = (0..COMMANDS.len()).filter(|at| is_tried(&COMMANDS[*at]));
        let complain = |at: usize| {
            let what = self.complaint(file, damage, at)?;
            Some(format!(
                "{} / {damage} / {}: {what}",
                file.path,
                COMMANDS[at].words.join(" ")
            ))
        };
        tried.filter_map(complain).collect()
    }
}

/// Tries every kind of bad input in the place of a file.
fn check(file: &File) {
    let trial = Trial::on(Host::for_file(file));
    let all: Vec<String> = Damage::all(file)
        .iter()
        .flat_map(|damage| trial.complaints(file, damage))
        .collect();
    assert!(all.is_empty(), "{} complaints:\n{}", all.len(), all.join("\n"));
}

#[test]
fn file_that_may_not_be_read_is_an_error_and_stays() {
    if !installed("setpriv") {
        return;
    }
    let trial = |file| Trial::on(Host::for_file(file).without_namespace());
    let (without_service, with_service) = (trial(&files::CONFIG), trial(&files::UNIT));
    let complaints_about = |file: &File| {
        let trial = if file.is_of_service() {
            &with_service
        } else {
            &without_service
        };
        trial.complaints(file, &Damage::NoPermission)
    };
    let files = files::PRESENT
        .iter()
        .filter(|file| file.path != files::DEFAULT_CONFIG.path);
    let all: Vec<String> = files.flat_map(|file| complaints_about(file)).collect();
    assert!(all.is_empty(), "{} complaints:\n{}", all.len(), all.join("\n"));
}

/// Makes the test of one file.
macro_rules! bad_input_of {
    ($($name:ident: $file:expr;)+) => {$(
        #[test]
        fn $name() {
            network::own(|| check(&$file));
        }
    )+};
}

bad_input_of! {
    bad_config_is_an_error_and_stays: files::CONFIG;
    bad_included_file_is_an_error_and_stays: files::INCLUDED;
    bad_record_is_an_error_and_stays: files::RECORD;
    bad_registry_is_an_error_and_stays: files::REGISTRY;
    bad_environment_file_is_an_error_and_stays: files::DOTENV;
    bad_store_of_api_keys_is_an_error_and_stays: files::API_KEYS;
    bad_list_of_paired_devices_is_an_error_and_stays: files::PAIRED_DEVICES;
    bad_journal_is_an_error_and_stays: files::JOURNAL;
    bad_archive_is_an_error_and_stays: files::ARCHIVE;
    bad_manifest_is_an_error_and_stays: files::MANIFEST;
    bad_history_is_an_error_and_stays: files::HISTORY;
    bad_unit_file_is_an_error_and_stays: files::UNIT;
    bad_drop_in_is_an_error_and_stays: files::DROP_IN;
    bad_answers_file_is_an_error_and_stays: files::ANSWERS;
    bad_draft_is_an_error_and_stays: files::DRAFT;
}
