//! Locks that do not care whether a holder panicked.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, also after a thread panicked while it held it.
///
/// What is behind the mutexes of this program stays valid at each step of a change, so that a panic in one
/// thread is no reason for every other thread to panic as well.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
