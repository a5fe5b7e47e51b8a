//! The cache of the dashboard: the last overview of the host and the last findings of the doctor.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use crate::doctor::Finding;
use crate::i18n::Lang;

/// Time for which the dashboard's overview of the host answers further requests: several open pages cause one survey
/// of the host.
const OVERVIEW_LIFETIME: Duration = Duration::from_millis(1500);
/// Time for which the dashboard shows the doctor's findings before it renews them: the doctor asks gateways and
/// service managers.
const FINDINGS_LIFETIME: Duration = Duration::from_secs(10);

/// The cache of the dashboard's overview and the doctor's findings, shared by all sessions of the gateway.
#[derive(Debug, Default)]
pub(crate) struct OverviewCache(Mutex<CachedOverview>);

/// The cached overview of the host and findings of the doctor for the dashboard, each with its time.
#[derive(Debug, Default)]
pub(super) struct CachedOverview {
    overview: Option<(Instant, Lang, Value)>,
    findings: Option<(Instant, Arc<[Finding]>)>,
    /// `true` while the doctor examines the host.
    is_examining: bool,
}

impl OverviewCache {
    /// Locks the cache of the dashboard's overview and findings. Whoever holds the lock makes the overview for those
    /// that wait.
    pub(super) async fn lock(&self) -> MutexGuard<'_, CachedOverview> {
        self.0.lock().await
    }
}

impl CachedOverview {
    /// Returns the dashboard's cached overview of the host in this language, unless it is too old.
    pub(super) fn overview(&self, lang: Lang) -> Option<Value> {
        let (made, in_lang, overview) = self.overview.as_ref()?;
        (made.elapsed() < OVERVIEW_LIFETIME && *in_lang == lang).then(|| overview.clone())
    }

    /// Stores a new overview of the host in the dashboard's cache.
    pub(super) fn set_overview(&mut self, lang: Lang, overview: Value) {
        self.overview = Some((Instant::now(), lang, overview));
    }

    /// Returns the doctor's findings of the last examination of the host, however old they are; `None` before the
    /// first one.
    pub(super) fn findings(&self) -> Option<Arc<[Finding]>> {
        self.findings.as_ref().map(|(_, findings)| findings.clone())
    }

    /// Returns whether the caller has to let the doctor examine the host; if so, the examination is marked as begun.
    pub(super) fn begin_examination(&mut self) -> bool {
        let is_fresh = self
            .findings
            .as_ref()
            .is_some_and(|(made, _)| made.elapsed() < FINDINGS_LIFETIME);
        !is_fresh && !std::mem::replace(&mut self.is_examining, true)
    }

    /// Ends the doctor's examination of the host for the dashboard, and stores its findings in the cache. New
    /// findings make the overview out of date.
    pub(super) fn end_examination(&mut self, findings: Option<Vec<Finding>>) {
        self.is_examining = false;
        if let Some(findings) = findings {
            self.findings = Some((Instant::now(), findings.into()));
            self.overview = None;
        }
    }
}
