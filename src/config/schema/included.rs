//! The check of a release for the files that a config includes (docs/openclaw.md#include-boundary).

use std::path::Path;

use super::finding::SchemaFinding;
use crate::config::effective::{EffectiveConfig, IncludeRoot, IncludedFile};
use crate::config::release::Release;
use crate::i18n::{Msg, msg, size_msg};

/// Maximum size of an included file that the late release reads, in bytes.
const MAX_INCLUDED_BYTES: u64 = 2 * 1024 * 1024;

/// Returns which included files of a config a release does not read. `roots` are the folders that
/// `OPENCLAW_INCLUDE_ROOTS` names; the config's own folder is always one.
pub(in crate::config) fn check(
    config: &EffectiveConfig,
    roots: &[IncludeRoot],
    release: Release,
) -> Vec<SchemaFinding> {
    if release == Release::Early {
        return Vec::new();
    }
    let roots: Vec<_> = config.folder.iter().chain(roots).collect();
    let files = config.files.iter();
    let findings = files.filter_map(|file| {
        let why = refusal(file, &roots)?;
        Some(SchemaFinding::refused_include(file.key.clone(), why))
    });
    findings.collect()
}

/// Returns the reason why the late release does not read an included file; `None` where it reads it.
fn refusal(file: &IncludedFile, roots: &[&IncludeRoot]) -> Option<Msg> {
    let outside = |path: &Path| {
        let folder = path.parent().unwrap_or(path).display();
        Some(msg!(
            "config.schema-include-outside",
            file = path.display(),
            folder = folder
        ))
    };
    if !roots.iter().any(|root| root.names(file)) {
        return outside(&file.path);
    }
    if !roots.iter().any(|root| root.holds(file)) {
        return outside(&file.real_path);
    }
    if file.link_count > 1 {
        return Some(msg!("config.schema-include-linked", file = file.path.display()));
    }
    let is_large = file.bytes > MAX_INCLUDED_BYTES;
    is_large.then(|| {
        Msg::new("config.schema-include-large")
            .with("file", file.path.display())
            .with_msg("size", size_msg(file.bytes))
            .with_msg("limit", size_msg(MAX_INCLUDED_BYTES))
    })
}
