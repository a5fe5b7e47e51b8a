//! The releases on this host, and a version as a user types it.

use crate::apply::{self, HostLock};
use crate::cli::Context;
use crate::engine::ReleaseStore;
use crate::error::{Error, Result};
use crate::host::read;
use crate::i18n::msg;
use crate::plan::{Change, Content, FileKind, FileWrite, Plan};
use crate::record::{RecordDocument, ReleaseVersion};
use crate::releases::EngineChoice;

/// Returns the folder of the releases.
pub(super) fn store(context: &Context<'_>) -> ReleaseStore {
    ReleaseStore::of_host(context.host, &context.env)
}

/// Parses the version of a release that a user typed.
pub(super) fn parse_version(typed: &str) -> Result<ReleaseVersion> {
    ReleaseVersion::parse(typed)
        .map_err(|_| Error::usage(msg!("engine.bad-version", version = typed)).hint(msg!("engine.see-list")))
}

/// Returns the change of the record of the instance that chooses what runs its gateway.
pub(super) fn record_write(context: &Context<'_>, choice: &EngineChoice) -> Result<Change> {
    record_change(context, |document| {
        document.set_engine(choice.engine, choice.release.as_ref());
    })
}

/// Returns a change of the record of the instance.
pub(super) fn record_change(context: &Context<'_>, edit: impl FnOnce(&mut RecordDocument)) -> Result<Change> {
    let path = context.instance.record_path();
    let profile = context.instance.profile.as_str();
    let mut document = RecordDocument::read_or_new(&path, profile).map_err(|error| error.blocked(&path))?;
    edit(&mut document);
    Ok(Change::Write(FileWrite {
        before: read::bytes(&path).ok(),
        path,
        content: Content::plain(document.to_string()),
        backup: false,
        kind: FileKind::Record,
    }))
}

/// Returns the error about an instance that has no config yet.
pub(super) fn no_instance(context: &Context<'_>) -> Error {
    let instance = &context.instance;
    Error::failed(msg!("engine.no-instance", profile = instance.profile))
        .hint(msg!("config.hint-make", command = instance.command()))
}

/// Makes one change of the files of the instance.
pub(super) fn apply_change(context: &Context<'_>, lock: &HostLock, change: Change) -> Result<()> {
    let plan = Plan {
        changes: vec![change],
        ..Plan::default()
    };
    let others = context.survey().paths_of_others(&context.instance.config_path);
    apply::apply(lock, &plan, &others, &mut |_| {}).map(drop)
}
