//! What a watcher of gateways needs from whoever starts it.

use super::state::WatchPolicy;
use crate::i18n::Lang;
use crate::instance::InstanceContext;
use crate::rescue::stop::StopSignal;

/// The context of a rescuer that watches gateways: its instance, its intervals, and the signal that stops it.
#[derive(Clone, Copy)]
pub(crate) struct WatchContext<'a> {
    /// The instance whose gateway, or command line, watches.
    pub(crate) rescuer: InstanceContext<'a>,
    /// The intervals at which the watcher probes and waits.
    pub(crate) policy: WatchPolicy,
    /// Tells the watcher to end.
    pub(crate) stop: &'a StopSignal,
    /// The language in which remote hosts answer.
    pub(crate) lang: Lang,
    /// Returns whether the owner has paused the repairs. The gateways are watched all the same.
    pub(crate) is_paused: &'a (dyn Fn() -> bool + Sync),
}
