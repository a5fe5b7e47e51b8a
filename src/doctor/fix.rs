//! From findings to a plan: each fix says what it wants, and those of one file become one write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Finding, Scene, Subject, word};
use crate::apply;
use crate::config::document::ConfigDocument;
use crate::config::key_path::KeyPath;
use crate::error::ErrorReason;
use crate::host::read;
use crate::i18n::{Msg, msg};
use crate::plan::{self, Change, Content, FileKind, FileWrite, Plan};
use crate::secret::SecretOrigin;

/// What mends a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Another mode.
    Mode {
        /// Of this path.
        path: PathBuf,
        /// The mode that it has.
        from: u32,
        /// The mode that it gets.
        to: u32,
    },
    /// A key of the config gets a value (`None`: it goes).
    Set {
        /// The config.
        config: PathBuf,
        /// The key.
        key: KeyPath,
        /// What it gets.
        value: Option<Value>,
    },
    /// The config is replaced by this backup of it.
    Restore {
        /// The config.
        config: PathBuf,
        /// The backup's text.
        text: String,
    },
    /// A folder is made.
    Folder(PathBuf),
    /// Something is moved.
    Move {
        /// From here.
        path: PathBuf,
        /// To here, where nothing is.
        to: PathBuf,
    },
    /// The registry forgets the instance with this config.
    Forget(PathBuf),
}

/// Why a fix is not this instance's to make: it would reach into another one, or something is in its way. The
/// others are made all the same.
pub(super) fn refusal(scene: &Scene<'_>, subject: &Subject<'_>, fix: &Fix) -> Option<Msg> {
    let others = scene.survey.paths_of_others(&subject.instance.config_path);
    let refused = apply::preflight(&plan(std::iter::once(fix)), &others).err()?;
    Some(if refused.is(ErrorReason::OtherInstance) {
        msg!("doctor.anothers")
    } else {
        refused.msg
    })
}

/// The command for what [`refusal`] leaves to a person.
pub(super) fn by_hand(subject: &Subject<'_>, fix: &Fix) -> String {
    match fix {
        Fix::Mode { path, to, .. } => format!("chmod {to:o} {}", word(path)),
        Fix::Folder(path) => format!("mkdir -m 700 {}", word(path)),
        Fix::Move { path, to } => format!("mv {} {}", word(path), word(to)),
        Fix::Set { .. } | Fix::Restore { .. } | Fix::Forget(_) => {
            format!("{} config validate", subject.command)
        }
    }
}

/// The part of the fixes that is one instance's: no other's paths are touched by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The config of the instance; `None` for what is the host's: its registry.
    pub config: Option<PathBuf>,
    /// What is done.
    pub plan: Plan,
}

/// What mends what can be mended, instance by instance in the order of the findings, the registry last.
pub fn parts(scene: &Scene<'_>, findings: &[Finding]) -> Vec<Part> {
    let mut parts: Vec<Part> = scene
        .wanted()
        .map(|subject| {
            let own = findings
                .iter()
                .filter(|finding| finding.instance == subject.label);
            Part {
                config: Some(subject.instance.config_path.clone()),
                plan: plan(own.filter_map(|finding| finding.fix.as_ref())),
            }
        })
        .collect();
    parts.push(Part {
        config: None,
        plan: forgetting(scene, findings),
    });
    parts.retain(|part| !part.plan.is_empty());
    parts
}

/// All of it as one, for somebody to read.
pub fn whole(parts: &[Part]) -> Plan {
    Plan {
        changes: parts.iter().flat_map(|part| part.plan.changes.clone()).collect(),
        ..Plan::default()
    }
}

/// What takes entries out of the registry.
fn forgetting(scene: &Scene<'_>, findings: &[Finding]) -> Plan {
    let registry = &scene.survey.registry;
    let forgotten: Vec<&Path> = findings
        .iter()
        .filter_map(|finding| match &finding.fix {
            Some(Fix::Forget(config)) => Some(config.as_path()),
            _ => None,
        })
        .filter(|config| registry.entries.iter().any(|entry| entry.config == **config))
        .collect();
    let write = FileWrite {
        path: registry.path.clone(),
        content: Content::plain(registry.without(&forgotten)),
        before: registry.before.clone(),
        backup: false,
        kind: FileKind::Registry,
    };
    Plan {
        changes: (!forgotten.is_empty())
            .then_some(Change::Write(write))
            .into_iter()
            .collect(),
        ..Plan::default()
    }
}

/// The plan of one instance's fixes; what makes it runnable (its config) comes last.
fn plan<'f>(fixes: impl Iterator<Item = &'f Fix>) -> Plan {
    let mut changes: Vec<Change> = Vec::new();
    let mut configs: BTreeMap<PathBuf, (Option<Vec<u8>>, ConfigDocument)> = BTreeMap::new();
    let mut add = |change: Change| {
        if !changes.iter().any(|known| known.path() == change.path()) {
            changes.push(change);
        }
    };
    for fix in fixes {
        match fix {
            Fix::Mode { path, from, to } => add(Change::SetMode {
                path: path.clone(),
                from: *from,
                to: *to,
            }),
            Fix::Folder(path) => add(Change::MakeDir { path: path.clone() }),
            Fix::Move { path, to } => add(Change::Rename {
                path: path.clone(),
                to: to.clone(),
            }),
            // The registry is no single instance's.
            Fix::Forget(_) => {}
            Fix::Restore { config, text } => {
                if let Ok(document) = ConfigDocument::parse(text) {
                    let before = read::bytes(config).ok();
                    configs.insert(config.clone(), (before, document));
                }
            }
            Fix::Set { config, key, value } => {
                let Some((_, document)) = open(&mut configs, config) else {
                    continue;
                };
                // What can't be edited stays as it is; the finding stays too.
                let _ = match value {
                    Some(value) => document.set(key, value.clone()),
                    None => document.unset(key),
                };
            }
        }
    }
    // What lies behind a link that is moved away is not there any more.
    let moved: Vec<PathBuf> = changes
        .iter()
        .filter(|change| matches!(change, Change::Rename { .. }))
        .map(|change| change.path().to_path_buf())
        .collect();
    changes.retain(|change| {
        let path = change.path();
        !moved.iter().any(|moved| path != moved && path.starts_with(moved))
    });
    // A file that is written is 0600 afterwards in any case.
    changes
        .retain(|change| !(matches!(change, Change::SetMode { .. }) && configs.contains_key(change.path())));
    for (path, (before, document)) in configs {
        if before.as_deref() == Some(document.text().as_bytes()) {
            continue;
        }
        changes.push(plan::config_write(&path, &document, before));
    }
    Plan {
        changes,
        ..Plan::default()
    }
}

fn open<'c>(
    configs: &'c mut BTreeMap<PathBuf, (Option<Vec<u8>>, ConfigDocument)>,
    path: &Path,
) -> Option<&'c mut (Option<Vec<u8>>, ConfigDocument)> {
    if !configs.contains_key(path) {
        let bytes = read::bytes(path).ok()?;
        let document = crate::config::parse_bytes(bytes.clone()).ok()?;
        configs.insert(path.to_path_buf(), (Some(bytes), document));
    }
    configs.get_mut(path)
}

/// The plan that takes a plan back that was carried out. A folder that was made stays: it is empty.
pub fn reversed(plan: &Plan) -> Plan {
    let back = |change: &Change| match change {
        Change::MakeDir { .. } => None,
        Change::Rename { path, to } => Some(Change::Rename {
            path: to.clone(),
            to: path.clone(),
        }),
        Change::SetMode { path, from, to } => Some(Change::SetMode {
            path: path.clone(),
            from: *to,
            to: *from,
        }),
        Change::Write(write) => {
            let text = String::from_utf8(write.before.clone()?).ok()?;
            Some(Change::Write(FileWrite {
                // What it was may be no config at all: none of it is shown.
                content: Content::in_pieces(text, vec![crate::secret::TextPiece::Hidden(SecretOrigin::Kept)]),
                before: Some(write.content.bytes().to_vec()),
                ..write.clone()
            }))
        }
    };
    Plan {
        changes: plan.changes.iter().rev().filter_map(back).collect(),
        ..Plan::default()
    }
}
