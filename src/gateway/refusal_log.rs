//! The log of refused clients: one line for each client network and minute, with a count, so that a flood of refusals
//! is no flood of lines.
//!
//! The first refusal of a network is logged at once. Further ones are counted, and their number is logged once a
//! minute for as long as there are any. Beyond a number of networks all others share one line.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::client_network::client_network;
use crate::i18n::{Lang, msg};
use crate::sync::lock;
use crate::text::sanitize;

/// Minimum time between two log lines about refused clients of one network.
const LINE_INTERVAL: Duration = Duration::from_mins(1);
/// Time between two searches for refused clients whose log line is due.
const SEARCH_INTERVAL: Duration = Duration::from_secs(5);
/// Maximum number of client networks that have log lines about refused clients of their own.
const MAX_NETWORKS: usize = 64;

/// The refused clients of the gateway, counted by their networks until their log lines are due.
#[derive(Debug)]
pub(crate) struct RefusalLog {
    /// The language of the log.
    lang: Lang,
    /// The networks with refused clients; `None` stands for all networks beyond [`MAX_NETWORKS`].
    networks: Mutex<HashMap<Option<IpAddr>, NetworkRefusals>>,
    /// Notified when a network is added to an empty table.
    first_network: Notify,
}

/// The refused clients of one network within the minute that runs.
#[derive(Debug)]
struct NetworkRefusals {
    /// The time of the last log line.
    since: Instant,
    /// The number of refused clients since then; the first one of all has its own line and counts as well.
    count: u64,
    /// `true` where a log line has told the count.
    is_told: bool,
    /// `true` where one of the clients showed wrong credentials.
    is_warning: bool,
    last_ip: IpAddr,
    last_reason: String,
}

impl RefusalLog {
    /// Creates a log of refused clients in this language, without any so far.
    pub(super) fn new(lang: Lang) -> Self {
        Self {
            lang,
            networks: Mutex::default(),
            first_network: Notify::new(),
        }
    }

    /// Records that a client was refused because of its credentials.
    pub(crate) fn record_wrong_credentials(&self, ip: IpAddr) {
        self.record(ip, msg!("guard.wrong").render(self.lang), true);
    }

    /// Records that a client was refused because of what it sent. `reason` is in the words of the protocol and may
    /// contain the client's own.
    pub(crate) fn record_refusal(&self, ip: IpAddr, reason: &str) {
        self.record(ip, sanitize(reason), false);
    }

    fn record(&self, ip: IpAddr, reason: String, is_warning: bool) {
        let network = Some(client_network(ip));
        let mut networks = self.networks();
        let has_room = networks.len() < MAX_NETWORKS || networks.contains_key(&network);
        let key = network.filter(|_| has_room);
        if let Some(refusals) = networks.get_mut(&key) {
            refusals.count += 1;
            refusals.is_told = false;
            refusals.is_warning |= is_warning;
            (refusals.last_ip, refusals.last_reason) = (ip, reason);
            return;
        }
        let refusals = NetworkRefusals {
            since: Instant::now(),
            count: 1,
            is_told: true,
            is_warning,
            last_ip: ip,
            last_reason: reason,
        };
        self.write_line(key, &refusals);
        if networks.is_empty() {
            self.first_network.notify_one();
        }
        networks.insert(key, refusals);
    }

    /// Writes the log lines that are due, for ever. Has no timer while no client is refused.
    pub(crate) async fn write_due_lines(&self) {
        loop {
            self.first_network.notified().await;
            while !self.networks().is_empty() {
                tokio::time::sleep(SEARCH_INTERVAL).await;
                self.write_lines(LINE_INTERVAL);
            }
        }
    }

    /// Writes the log lines about all refused clients that no line tells yet, at the end of the gateway.
    pub(crate) fn write_all_lines(&self) {
        self.write_lines(Duration::ZERO);
    }

    /// Writes a log line about each network whose last line is at least so old, and forgets a network that had no
    /// refused client since.
    fn write_lines(&self, min_age: Duration) {
        self.networks().retain(|key, refusals| {
            if refusals.since.elapsed() < min_age {
                return true;
            }
            if refusals.is_told {
                return false;
            }
            self.write_line(*key, refusals);
            (refusals.since, refusals.count, refusals.is_told) = (Instant::now(), 0, true);
            refusals.is_warning = false;
            true
        });
    }

    /// Writes the log line about the refused clients of a network.
    fn write_line(&self, key: Option<IpAddr>, refusals: &NetworkRefusals) {
        let (ip, count) = (refusals.last_ip, refusals.count);
        let reason = &refusals.last_reason;
        let line = match key {
            Some(_) if count == 1 => msg!("guard.refused", address = ip, reason = reason),
            Some(_) => msg!("guard.refused-many", address = ip, count = count, reason = reason),
            None => msg!("guard.refused-others", count = count, reason = reason),
        };
        let text = line.render(self.lang);
        if refusals.is_warning {
            tracing::warn!(%ip, failures = count, "{text}");
        } else {
            tracing::info!(%ip, failures = count, "{text}");
        }
    }

    fn networks(&self) -> MutexGuard<'_, HashMap<Option<IpAddr>, NetworkRefusals>> {
        lock(&self.networks)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// The log lines that are written while a test runs.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            lock(&self.0).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        /// Collects the log lines of this thread from now on.
        fn collect() -> (Self, tracing::subscriber::DefaultGuard) {
            let lines = Self::default();
            let writer = lines.clone();
            let layer = tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(move || writer.clone());
            let subscriber = tracing_subscriber::registry().with(layer);
            (lines, tracing::subscriber::set_default(subscriber))
        }

        fn take(&self) -> Vec<String> {
            let bytes = std::mem::take(&mut *lock(&self.0));
            let text = String::from_utf8(bytes).unwrap();
            text.lines().map(str::to_owned).collect()
        }
    }

    fn ip(n: u32) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n))
    }

    #[tokio::test(start_paused = true)]
    async fn refused_clients_of_a_network_are_one_line_a_minute_with_their_number() {
        let (lines, _guard) = Lines::collect();
        let log = Arc::new(RefusalLog::new(Lang::english()));
        let writer = log.clone();
        let _writer = tokio::spawn(async move { writer.write_due_lines().await });
        for _ in 0..3 {
            for _ in 0..1000 {
                log.record_wrong_credentials(ip(1));
                log.record_refusal(ip(2), "protocol mismatch");
            }
            tokio::time::sleep(LINE_INTERVAL + SEARCH_INTERVAL).await;
        }
        let written = lines.take();
        assert_eq!(written.len(), 2 + 2 * 3, "{written:#?}");
        assert!(
            written[0].contains("WARN") && written[0].contains("10.0.0.1"),
            "{written:#?}"
        );
        assert!(written[1].contains("INFO") && written[1].contains("protocol mismatch"));
        let counts = written.iter().filter(|line| line.contains("failures=1000"));
        assert_eq!(counts.count(), 6, "{written:#?}");
        tokio::time::sleep(3 * LINE_INTERVAL).await;
        assert!(
            lines.take().is_empty() && log.networks().is_empty(),
            "nothing is left"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn networks_beyond_a_number_share_one_line() {
        let (lines, _guard) = Lines::collect();
        let log = RefusalLog::new(Lang::english());
        for n in 0..100_000 {
            log.record_wrong_credentials(ip(n));
        }
        assert_eq!(log.networks().len(), MAX_NETWORKS + 1);
        log.write_all_lines();
        let written = lines.take();
        assert_eq!(written.len(), MAX_NETWORKS + 2, "{written:#?}");
        assert!(
            written[MAX_NETWORKS + 1].contains("failures=99936"),
            "{written:#?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn words_of_a_client_can_not_forge_a_line() {
        let (lines, _guard) = Lines::collect();
        let log = RefusalLog::new(Lang::english());
        log.record_refusal(ip(1), "unexpected property 'a\nWARN forged\u{1b}[2J\u{202e}'");
        let written = lines.take();
        assert_eq!(written.len(), 1, "{written:#?}");
        assert!(!written[0].contains(crate::text::is_unsafe), "{written:#?}");
    }
}
