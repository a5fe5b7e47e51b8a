//! The thread that looks again and again how the gateways of the host are, for the view that renews itself.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use super::states::{self, GatewayState};
use crate::doctor::{self, Finding, HostReport, Scope, Severity};
use crate::instance::OwnedInstanceContext;
use crate::survey;
use crate::sync::lock;

/// Minimum time between two looks at the gateways.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// Rest between two looks, as a multiple of the time that the last one took: what watches costs little on a host with many
/// instances too.
const REST_FACTOR: u32 = 9;
/// Time for which the findings of an examination by the doctor are shown.
const FINDINGS_LIFETIME: Duration = Duration::from_mins(1);
/// Time that the gateways have to answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// State of the host's gateways as it was last seen.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// The gateways, in the order in which a person reads them.
    pub(super) states: Vec<GatewayState>,
    /// Errors and warnings that the doctor found, the worst first; empty before the first examination.
    pub(super) findings: Vec<Finding>,
}

/// A thread that looks at the gateways of the host until this value is dropped.
#[derive(Debug)]
pub(super) struct GatewayWatch {
    observed: Arc<Mutex<Observed>>,
    wake: Sender<()>,
}

impl GatewayWatch {
    /// Starts to look at the gateways of the host around the chosen instance. `states` is what is shown before the first look.
    pub(super) fn start(chosen: OwnedInstanceContext, states: Vec<GatewayState>) -> Self {
        let observed = Arc::new(Mutex::new(Observed {
            states,
            findings: Vec::new(),
        }));
        let (wake, woken) = mpsc::channel();
        let shared = Arc::clone(&observed);
        // It is not waited for: a gateway that does not answer must not hold up the end of the program.
        thread::spawn(move || watch(&chosen, &shared, &woken));
        Self { observed, wake }
    }

    /// Returns what was last seen of the gateways. Nothing new is seen while the value lives.
    pub(super) fn observed(&self) -> MutexGuard<'_, Observed> {
        lock(&self.observed)
    }

    /// Looks at the gateways again at once, and has the doctor examine them.
    pub(super) fn look_now(&self) {
        // The thread ends only once this value is dropped.
        let _ = self.wake.send(());
    }
}

/// Looks at the gateways until nobody can wake the thread any more.
fn watch(chosen: &OwnedInstanceContext, observed: &Mutex<Observed>, woken: &Receiver<()>) {
    let mut examined: Option<Instant> = None;
    loop {
        let began = Instant::now();
        let survey = survey::survey_host(&chosen.host, &chosen.env);
        let states = states::probe_gateways(chosen.borrowed(), &survey, began + PROBE_TIMEOUT);
        lock(observed).states = states;
        if examined.is_none_or(|at| at.elapsed() > FINDINGS_LIFETIME) {
            let report = HostReport::collect(chosen.borrowed(), &survey, Scope::All);
            let mut findings = doctor::examine(&report);
            findings.retain(|finding| finding.severity != Severity::Info);
            findings.sort_by_key(|finding| finding.severity);
            lock(observed).findings = findings;
            examined = Some(Instant::now());
        }
        let rest = LOOK_INTERVAL.max(began.elapsed() * REST_FACTOR);
        match woken.recv_timeout(rest) {
            Ok(()) => examined = None,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
