//! The part of a temporary name that belongs to one run.

use crate::host;

/// Returns ten random hex digits, which tell the temporary names of this run from those of any other, in this or
/// another container.
pub(super) fn run_id() -> String {
    hex::encode(host::random_bytes::<5>())
}
