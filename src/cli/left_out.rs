//! The report on what an archive leaves out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Context;
use crate::archive::{ArchiveKind, LeftOut, LeftOutReason};
use crate::environment::abbreviate_home;

/// Number of paths that are named for one reason; the others are counted.
const NAMED_PATHS: usize = 3;

/// Returns the paths by reason.
fn by_reason(left_out: &[LeftOut]) -> BTreeMap<LeftOutReason, Vec<&Path>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for left in left_out {
        found.entry(left.reason).or_default().push(left.path.as_path());
    }
    found
}

/// Returns what is left out for JSON output: the paths by the names of the reasons.
pub(super) fn document(left_out: &[LeftOut]) -> BTreeMap<&'static str, Vec<&Path>> {
    let by_reason = by_reason(left_out).into_iter();
    by_reason.map(|(reason, paths)| (reason.name(), paths)).collect()
}

/// Returns the paths that are left out although no rule of archives says so.
pub(super) fn unexpected_paths(left_out: &[LeftOut]) -> Vec<&PathBuf> {
    let left_out = left_out.iter();
    left_out
        .filter(|left| left.reason.is_unexpected())
        .map(|left| &left.path)
        .collect()
}

/// Prints one line for each reason for which something notable is left out.
pub(super) fn print(context: &Context<'_>, kind: ArchiveKind, left_out: &[LeftOut]) {
    for (reason, paths) in by_reason(left_out) {
        if reason.is_notable(kind) {
            context
                .ui
                .print_note(&reason.msg(&shorten(&context.env.home, &paths)));
        }
    }
}

/// Returns paths for the screen: the first few, and how many there are besides.
fn shorten(home: &Path, paths: &[&Path]) -> String {
    let named: Vec<_> = paths
        .iter()
        .take(NAMED_PATHS)
        .map(|path| abbreviate_home(home, path))
        .collect();
    let text = named.join(", ");
    match paths.len().saturating_sub(NAMED_PATHS) {
        0 => text,
        more => format!("{text} (+{more})"),
    }
}
