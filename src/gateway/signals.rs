//! The signals that end a gateway: SIGTERM, SIGINT, and SIGHUP where it is not started to outlive its
//! terminal.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal of the operating system that ends a gateway, by who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndSignal {
    /// SIGINT: a person pressed Ctrl-C in the gateway's terminal.
    Interrupt,
    /// SIGTERM or SIGHUP: a service manager, a shutdown of the host, or a terminal that was closed.
    #[cfg_attr(not(unix), expect(dead_code, reason = "Windows has no such signal"))]
    Terminate,
}

/// The stream of the operating system's signals that end a gateway.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    hangup: Option<Signal>,
}

#[cfg(unix)]
impl Signals {
    /// Creates the stream of the signals that end a gateway, and on Unix installs their handlers. Needs an async
    /// runtime.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub(crate) fn new() -> std::io::Result<Self> {
        let hangup = !crate::host::ignores_hangup();
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: hangup.then(|| signal(SignalKind::hangup())).transpose()?,
        })
    }

    /// Waits for the next signal that ends a gateway.
    pub(crate) async fn next(&mut self) -> EndSignal {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => EndSignal::Terminate,
            _ = self.interrupt.recv() => EndSignal::Interrupt,
            _ = hangup => EndSignal::Terminate,
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Creates the stream of the signals that end a gateway, and on Unix installs their handlers. Needs an async
    /// runtime.
    ///
    /// # Errors
    /// The system refuses a handler.
    #[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next signal that ends a gateway.
    pub(crate) async fn next(&mut self) -> EndSignal {
        // An error means that no signal will ever come.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        EndSignal::Interrupt
    }
}
