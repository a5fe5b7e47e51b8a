//! A task that asks servers, on a thread of its own: looked at now and then, and ended by dropping it.

use std::future::Future;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// A task of a verification that runs on a thread of its own. Dropped, it ends, and what it still waits for is forgotten.
#[derive(Debug)]
pub(crate) struct Task<T> {
    result: Receiver<T>,
    _end: oneshot::Sender<()>,
}

/// The state of a verification's task.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Polled<T> {
    /// The task still runs.
    Running,
    /// The task has ended with this result.
    Done(T),
    /// The task has ended without a result: the system gave it no thread.
    Gone,
}

impl<T: Send + 'static> Task<T> {
    /// Starts the task of a verification. `work` is called on the thread, and may read files there.
    pub(crate) fn start<F>(work: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output = T>,
    {
        let (sender, result) = mpsc::channel();
        let (end, ended) = oneshot::channel();
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                tokio::select! {
                    result = work() => {
                        // It fails where nobody wants to know any more.
                        let _ = sender.send(result);
                    }
                    _ = ended => {}
                }
            });
            // A name that the system still looks up is not waited for.
            runtime.shutdown_background();
        };
        // Without a thread the sender is gone, which is what whoever looks at the task is told.
        let _ = thread::Builder::new().name("verify".to_owned()).spawn(run);
        Self { result, _end: end }
    }

    /// Waits for the result of a verification, at most for this time.
    pub(crate) fn look(&self, wait: Duration) -> Polled<T> {
        match self.result.recv_timeout(wait) {
            Ok(result) => Polled::Done(result),
            Err(RecvTimeoutError::Timeout) => Polled::Running,
            Err(RecvTimeoutError::Disconnected) => Polled::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn result_is_there_once_and_a_dropped_task_ends() {
        let task = Task::start(|| async { 7 });
        assert_eq!(task.look(Duration::MAX), Polled::Done(7));
        assert_eq!(task.look(Duration::MAX), Polled::Gone);
        let (sender, dropped) = channel::<()>();
        let task = Task::start(move || async move {
            std::future::pending::<()>().await;
            drop(sender);
        });
        assert_eq!(task.look(Duration::ZERO), Polled::Running);
        drop(task);
        assert!(dropped.recv().is_err(), "what the task held is gone");
    }
}
