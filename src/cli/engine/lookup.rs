//! The releases on this host, and a version as a user types it.

use crate::cli::Context;
use crate::engine::ReleaseStore;
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::record::ReleaseVersion;

/// Returns the folder of the releases.
pub(super) fn store(context: &Context<'_>) -> ReleaseStore {
    ReleaseStore::of_host(context.host, &context.env)
}

/// Parses the version of a release that a user typed.
pub(super) fn parse_version(typed: &str) -> Result<ReleaseVersion> {
    ReleaseVersion::parse(typed)
        .map_err(|_| Error::usage(msg!("engine.bad-version", version = typed)).hint(msg!("engine.see-list")))
}
