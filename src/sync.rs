//! Work of several threads on common data: locking of a mutex whose data stays valid when a thread panics, one task for
//! each of many values, and work of async code that blocks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::task::{JoinError, JoinHandle};

/// Locks a mutex, also when a thread panicked while it held the lock.
///
/// For data that is consistent between any two statements: maps and counters that are changed by single
/// calls. One failed task must not take the rest of a gateway down with it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts work that blocks on a thread which the runtime has for that, and returns the future of its result. Whoever does
/// not wait for it lets the work go on.
///
/// All work is one kind of task: the runtime's own function compiles its whole task anew for each closure.
///
/// # Errors
/// Where the work panics, or the runtime ends before it.
pub(crate) fn spawn_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, JoinError>> {
    let result = Arc::new(Mutex::new(None));
    let place = Arc::clone(&result);
    let work: Box<dyn FnOnce() + Send> = Box::new(move || {
        let done = work();
        *lock(&place) = Some(done);
    });
    take_result(tokio::task::spawn_blocking(work), result)
}

/// Waits for a task and takes the result that it has left.
async fn take_result<T>(task: JoinHandle<()>, result: Arc<Mutex<Option<T>>>) -> Result<T, JoinError> {
    task.await?;
    Ok(lock(&result).take().expect("the task leaves its result"))
}

/// Number of values for which a further thread is worth its start.
const MIN_VALUES_PER_THREAD: usize = 16;

/// Calls a function with each of many values, on as many threads as the machine runs at a time, and returns the results in
/// the order of the values. For work that does not wait: what waits needs a thread for each value.
///
/// # Panics
/// Where the function panics.
pub(crate) fn map_concurrently<T: Sync, R: Send>(values: &[T], function: impl Fn(&T) -> R + Sync) -> Vec<R> {
    map_portions(values, |portion| portion.iter().map(&function).collect())
}

/// Calls a function with portions of many values, as many as the machine runs threads at a time, and returns the results of
/// all in the order of the values. For work on a value that needs what the work on others has found, as
/// [`map_concurrently`] else.
///
/// # Panics
/// Where the function panics.
pub(crate) fn map_portions<T: Sync, R: Send>(values: &[T], map: impl Fn(&[T]) -> Vec<R> + Sync) -> Vec<R> {
    if values.len() < 2 * MIN_VALUES_PER_THREAD {
        return map(values);
    }
    let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let portion = values.len().div_ceil(processors).max(MIN_VALUES_PER_THREAD);
    thread::scope(|scope| {
        let mut portions = values.chunks(portion);
        let first = portions.next().unwrap_or_default();
        let others: Vec<_> = portions.map(|portion| scope.spawn(|| map(portion))).collect();
        let mut results = map(first);
        for other in others {
            results.extend(other.join().expect("the function does not panic"));
        }
        results
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_values_however_many_there_are() {
        for count in [0, 1, 31, 32, 33, 1000] {
            let values: Vec<usize> = (0..count).collect();
            assert_eq!(map_concurrently(&values, |value| *value), values);
        }
    }

    #[tokio::test]
    async fn blocking_work_returns_its_result_or_its_panic() {
        assert_eq!(spawn_blocking(|| "done".to_owned()).await.unwrap(), "done");
        let panicked = spawn_blocking(|| -> u8 { panic!("in the work") }).await;
        assert!(panicked.unwrap_err().is_panic());
    }

    #[test]
    fn a_mutex_can_be_locked_after_its_holder_panicked() {
        let mutex = Mutex::new(1);
        let panicked = std::thread::scope(|scope| {
            let holder = scope.spawn(|| {
                let _held = mutex.lock().unwrap();
                panic!("while it holds the lock");
            });
            holder.join()
        });
        assert!(panicked.is_err() && mutex.is_poisoned());
        assert_eq!(*lock(&mutex), 1);
    }
}
